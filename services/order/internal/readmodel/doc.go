// Package readmodel keeps what queries show: a view of each order and the rows
// of customers' lists, projected from the events alone.
//
// The projector reads events after its checkpoint, folds them, and writes the
// changed rows and the new checkpoint in one transaction, so each event counts
// exactly once, whenever the process dies. Several projectors may run: the
// checkpoint moves by compare-and-set, and who loses starts over. The projector
// has no side effects and asks nobody: names and prices stand in the events.
//
// Rows belong to a generation. Readers see the live one. A rebuild fills the next
// generation from the first event on, beside the live one, and swaps.
//
// A customer's list is read at any page at the same cost: each order has an
// ordinal among its customer's orders, which never changes, and counters of
// blocks of ordinals lead to the pages of one status.
//
// An event that cannot be projected stops the projector, and readiness says
// where and why. It is never skipped.
//
// The package is not the truth about an order; the stream is. Decisions are
// never made on it.
package readmodel
