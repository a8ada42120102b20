// Package provider is the vocabulary of the payment provider port: what is
// asked of the company that moves the money, and what it answers. The port
// itself is declared by its consumer, the payment service; the package
// simulator implements it.
package provider

import (
	"errors"

	"orderflow/services/money"
)

// ErrUnknownKey reports a key under which the provider was never asked for
// anything, or that it has forgotten since.
var ErrUnknownKey = errors.New("the payment provider does not know the key")

// ErrKeyReused reports a key that came before with another request. It is
// final: this request moved no money.
var ErrKeyReused = errors.New("the payment provider knows the key with another request")

// Request asks for the capture of an amount.
type Request struct {
	// Key makes the request idempotent: at most one capture a key.
	Key string
	// OrderID and CustomerID are the merchant's references.
	OrderID    string
	CustomerID string
	// Amount is zero or more.
	Amount money.Money
	// Method is a token of the provider, never card data.
	Method string
}

// State is where a charge stands at the provider.
type State string

// The states of a charge. All but Captured are final.
const (
	// Captured money has left the customer, and not all of it is back.
	Captured State = "captured"
	// Declined charges never moved money; Charge.Reason says why.
	Declined State = "declined"
	// Refunded money went to and fro, all of it.
	Refunded State = "refunded"
	// Voided keys were given up before anything was captured: nothing will be
	// captured under them.
	Voided State = "voided"
)

// Charge is what the provider knows of one key.
type Charge struct {
	Key   string
	State State
	// Reference is the provider's own name for the charge; empty when no money
	// ever moved.
	Reference string
	// Amount is what was captured, also when some or all of it is back again.
	// It is the zero value when no money ever moved.
	Amount money.Money
	// Reason of a decline, in words that a customer may read.
	Reason string
}

// RefundRequest asks for an amount of a charge to be given back.
type RefundRequest struct {
	// Key makes the request idempotent: at most one refund a key.
	Key string
	// ChargeKey is the key under which the money was captured.
	ChargeKey string
	// Amount is at most what is left of the charge. Nothing can be given back
	// only of a charge of nothing.
	Amount money.Money
}

// RefundState is where a refund stands at the provider.
type RefundState string

// The states of a refund. All but RefundPending are final.
const (
	// RefundPending money is under way, perhaps for days.
	RefundPending RefundState = "pending"
	// RefundSettled money is back at the customer.
	RefundSettled RefundState = "settled"
	// RefundRefused refunds never moved money; Refund.Reason says why.
	RefundRefused RefundState = "refused"
)

// Refund is what the provider knows of one refund's key.
type Refund struct {
	Key   string
	State RefundState
	// Reference is the provider's own name for the refund; empty when it was
	// refused.
	Reference string
	// Amount is what was asked for.
	Amount money.Money
	// Reason of a refusal, in words that an operator may read.
	Reason string
}
