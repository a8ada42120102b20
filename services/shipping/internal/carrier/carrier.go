// Package carrier is the vocabulary of the carrier port: what is asked of the
// company that delivers parcels, and what it answers. The port itself is
// declared by its consumer, the shipping service; the package simulator
// implements it.
package carrier

import (
	"errors"

	"orderflow/services/shipping"
)

// ErrUnknownKey reports a key under which the carrier was never asked for
// anything, or that it has forgotten since.
var ErrUnknownKey = errors.New("the carrier does not know the key")

// ErrKeyReused reports a key that came before with another request. It is
// final: nothing was accepted by this request.
var ErrKeyReused = errors.New("the carrier knows the key with another request")

// Request asks the carrier to take one order's parcels.
type Request struct {
	// Key makes the request idempotent: at most one consignment a key.
	Key string
	// OrderID is the merchant's reference.
	OrderID string
	Address shipping.Address
	Parcels []shipping.Parcel
}

// State is where a consignment stands at the carrier.
type State string

// The states of a consignment. All but Accepted are final.
const (
	// Accepted parcels will be delivered.
	Accepted State = "accepted"
	// Refused parcels were never accepted; Consignment.Reason says why.
	Refused State = "refused"
	// Cancelled parcels were accepted and called off before hand-over.
	Cancelled State = "cancelled"
	// Voided keys were cancelled before anything was accepted: nothing will be
	// accepted under them.
	Voided State = "voided"
)

// Consignment is what the carrier knows of one key.
type Consignment struct {
	Key   string
	State State
	// TrackingNumber and Carrier are for the customer; empty when the parcels
	// were never accepted.
	TrackingNumber string
	Carrier        string
	// Reason of a refusal, in words that a customer may read.
	Reason string
}
