// Package verify checks the promises of a running system from its raw rows: the
// numbered invariants of money, stock, ends of orders, streams, read model, live
// effects, compensations and idempotency.
//
// It sees the system through the gateway's audit routes only, derives every
// figure from single rows, and trusts no sum or state that a service has made.
// It shares no code with the services but the shapes of their rows, which it
// declares itself: a defect that both sides had in common would be invisible.
//
// The system may run meanwhile. Tables are read page by page, in the order of
// order IDs, and merged, so that all rows of one order meet; no more is kept
// than the rows of one order, and a few bytes for each event and order. Reads
// of different services are not one snapshot. So an order that looks wrong is
// read again, alone and in an order of tables in which a promise that was kept
// cannot look broken, before it is called broken. What an order in flight may
// hold is allowed for.
//
// What an operator has skipped or resolved by hand is not called broken either,
// but named: the event that ended the order says so.
//
// An order whose history is broken is reported for that alone: nothing that is
// derived from a broken history would mean anything.
package verify
