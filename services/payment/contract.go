// Package payment is the public face of the payment service: the JSON shapes
// of its API and a typed client. The service itself lives in internal and
// server; the company that moves the money stands behind a provider port
// there.
package payment

import (
	"time"

	"orderflow/internal/fence"
	"orderflow/services/money"
)

// Key names one step of one order; see fence.Key.
type Key = fence.Key

// ChargeRequest captures an order's total. Method is a token of the payment
// provider ("pm_card_visa"), never card data.
type ChargeRequest struct {
	Key        Key         `json:"key"`
	CustomerID string      `json:"customerId"`
	Amount     money.Money `json:"amount"`
	Method     string      `json:"method"`
}

// RefundRequest gives back whatever is left of what was captured under the same
// key: it is the saga's compensation of ChargeRequest.
type RefundRequest struct {
	Key    Key    `json:"key"`
	Reason string `json:"reason"`
}

// AgreedRefundRequest gives a part of an order's money back, or all of it,
// because the shop has agreed on it with the customer. The key is the refund's
// own: an order may have several.
type AgreedRefundRequest struct {
	Key    Key         `json:"key"`
	Amount money.Money `json:"amount"`
	Reason string      `json:"reason"`
}

// Status is where the money of an order is.
type Status string

// The states of a payment. A payment of which a part went back is captured, and
// Payment.Refunded says how much. Refunding means that money must go back and
// that the provider has not confirmed it yet; it stays so when the provider
// refuses to undo a charge.
const (
	Captured  Status = "captured"
	Declined  Status = "declined"
	Refunding Status = "refunding"
	Refunded  Status = "refunded"
)

// Payment is what is known of an order's money. Captured and Refunded are
// totals in the order's currency; Refunded counts only what the provider has
// confirmed. Reason is why the charge was declined, or why money went back.
type Payment struct {
	OrderID   string      `json:"orderId"`
	Status    Status      `json:"status"`
	Captured  money.Money `json:"captured"`
	Refunded  money.Money `json:"refunded"`
	Reference string      `json:"reference,omitempty"`
	Reason    string      `json:"reason,omitempty"`
	UpdatedAt time.Time   `json:"updatedAt"`
}

// RefundKind says on whose behalf money goes back.
type RefundKind string

// The kinds of a refund.
const (
	// Compensation undoes a charge of an order that will not be shipped.
	Compensation RefundKind = "compensation"
	// Agreed was agreed on with the customer.
	Agreed RefundKind = "agreed"
)

// RefundState is where a refund stands. The last two are final.
type RefundState string

// The states of a refund.
const (
	// RefundRequested may have been sent to the provider, which has not
	// decided yet.
	RefundRequested RefundState = "requested"
	// RefundSettled money is back, the provider says.
	RefundSettled RefundState = "settled"
	// RefundFailed was refused by the provider for good. The shop still has
	// the money, and may try to give it back by another refund.
	RefundFailed RefundState = "failed"
)

// Refund is one refund. Key is that of the request which it came from; a
// compensation has the key of the charge, and a new ID for each refund that it
// takes.
type Refund struct {
	RefundID string      `json:"refundId"`
	OrderID  string      `json:"orderId"`
	Key      Key         `json:"key"`
	Kind     RefundKind  `json:"kind"`
	State    RefundState `json:"state"`
	Amount   money.Money `json:"amount"`
	Reason   string      `json:"reason,omitempty"`
	// Reference is the provider's own name for the refund.
	Reference string `json:"reference,omitempty"`
	// Failure is why the provider refused.
	Failure     string    `json:"failure,omitempty"`
	RequestedAt time.Time `json:"requestedAt"`
	SettledAt   time.Time `json:"settledAt,omitzero"`
	FailedAt    time.Time `json:"failedAt,omitzero"`
}

// RefundList lists the refunds of one order, charge by charge, the oldest
// first.
type RefundList struct {
	Items []Refund `json:"items"`
}

// SimulatedRefunds says what the built-in provider does with refunds.
type SimulatedRefunds string

// The built-in provider's ways.
const (
	AcceptRefunds SimulatedRefunds = "accept"
	RefuseRefunds SimulatedRefunds = "refuse"
)

// RefundSwitch tells the built-in provider what to do with every refund of one
// order that it has not seen yet, whatever the payment method says. It is part
// of the simulation: no real provider has it.
type RefundSwitch struct {
	Refunds SimulatedRefunds `json:"refunds"`
}
