// Package workflows is the order's story: the PlaceOrder saga.
//
// It is deterministic code for Temporal: no clock, random source, goroutine or
// network but Temporal's, nothing from internal. It decides what happens and in
// which order; activities do it, services own the data.
//
// Saga after Garcia-Molina and Salem, "Sagas" (SIGMOD 1987): a sequence of
// local transactions, each with a compensation, run backwards when the
// sequence cannot be finished.
package workflows
