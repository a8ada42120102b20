// Package internal is the shipping service: which order the carrier has
// accepted, under which tracking number, and what was called off again.
//
// The carrier stands behind the Carrier port and is never called inside a
// transaction. Shipping is therefore two transactions with the carrier between
// them, as the package outside has it. Cancelling has the same form.
//
// Only the carrier keeps addresses. The package knows nothing of stock, money
// or the state of an order.
package internal
