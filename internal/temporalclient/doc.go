// Package temporalclient connects a process to the Temporal server.
//
// A client made here logs through zap, counts through the process's metrics
// and carries the trace: a workflow started under a gateway's span, its
// activities and local activities all belong to that one trace. With a codec it
// encrypts what Temporal stores.
//
// The package knows no workflow and no task queue.
package temporalclient
