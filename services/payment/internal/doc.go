// Package internal is the payment service: what was captured for an order,
// what was given back, and the double-entry ledger of both.
//
// The company that moves the money stands behind the Provider port, and is
// never called inside a transaction. A charge is therefore two transactions
// with the provider between them: the first records under the step's key that
// the provider may now be called, the second records its answer. A refund has
// the same form. Whatever breaks between them, the same request again goes on
// from the provider's own record of the key. This is the Idempotent Receiver
// at both ends of the wire; the package fence has the rules for the key.
//
// The package knows nothing of items, stock or the state of an order.
package internal
