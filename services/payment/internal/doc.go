// Package internal is the payment service: what was captured for an order,
// what was given back, and the double-entry ledger of both.
//
// The company that moves the money stands behind the Provider port, and is
// never called inside a transaction. A charge is therefore two transactions
// with the provider between them, as the package outside has it; the package
// fence has the rules for the key. A refund has the same form.
//
// A refund is a row of its own: requested, then settled or failed, and neither
// before the provider has said so. It is agreed on with the customer, under a
// key of its own, or part of the saga's compensation of the charge. The
// compensation closes the charge, so that no agreed refund comes after it,
// finishes those that are under way, and requests whatever is left, until
// nothing is. A refund that the provider refuses for good has failed: its money
// is left again, and only another refund can give it back.
//
// The package knows nothing of items, stock or the state of an order.
package internal
