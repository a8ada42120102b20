// Package internal is the shipping service: which order the carrier has
// accepted, under which tracking number, and what was called off again.
//
// The carrier stands behind the Carrier port and is never called inside a
// transaction. Shipping is therefore two transactions with the carrier between
// them: the first records under the step's key that the carrier may now be
// called, the second records its answer. Cancelling has the same form.
// Whatever breaks between them, the same request again goes on from the
// carrier's own record of the key.
//
// Only the carrier keeps addresses. The package knows nothing of stock, money
// or the state of an order.
package internal
