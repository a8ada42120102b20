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

// RefundRequest gives back everything that was captured under the same key.
type RefundRequest struct {
	Key    Key    `json:"key"`
	Reason string `json:"reason"`
}

// Status is where the money of an order is.
type Status string

// The states of a payment. Refunding means that the provider has not confirmed
// the refund yet.
const (
	Captured  Status = "captured"
	Declined  Status = "declined"
	Refunding Status = "refunding"
	Refunded  Status = "refunded"
)

// Payment is what is known of an order's money. Captured and Refunded are
// totals in the order's currency.
type Payment struct {
	OrderID   string      `json:"orderId"`
	Status    Status      `json:"status"`
	Captured  money.Money `json:"captured"`
	Refunded  money.Money `json:"refunded"`
	Reference string      `json:"reference,omitempty"`
	Reason    string      `json:"reason,omitempty"`
	UpdatedAt time.Time   `json:"updatedAt"`
}
