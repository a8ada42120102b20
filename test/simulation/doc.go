// Package simulation places orders in virtual time and tries to break them.
//
// The workflow runs in Temporal's test environment, with the real activities
// and the real clients, against the real services on real stores: the fence
// code is that of the product. Between a client and its service stands Network,
// which decides about every call what becomes of it: it arrives, it is lost, its
// answer is lost, it arrives after its sender gave up, it arrives twice. People
// cancel, hold, release, fix, retry, skip and resolve meanwhile, and workflows
// are terminated and recovered.
//
// All of it is drawn from one seed and happens in a bubble of testing/synctest:
// its clock stands still while anything computes, no two things happen at the
// same nanosecond, and so the same seed gives the same trace, call by call. The
// services stand outside the bubble; a call to one takes no time in it.
//
// Judged is the outcome: Saga.Check looks at the order of the calls, Judge at
// all rows of all services, with the verification that operators run
// ("starter verify").
//
// It is not for what only a real server does: replays of histories, evicted
// workflows and dying processes. The folder replayed runs the same orders
// without a cache of workflows on a real server; test/e2e kills processes.
package simulation
