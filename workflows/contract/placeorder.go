package contract

import (
	"time"

	"orderflow/services/money"
)

// PlaceOrderInput is everything that the saga needs, complete, priced and
// immutable. The gateway builds it; the workflow never asks a catalogue.
type PlaceOrderInput struct {
	OrderID         string      `json:"orderId"`
	CustomerID      string      `json:"customerId"`
	CustomerName    string      `json:"customerName"`
	Items           []Item      `json:"items"`
	Total           money.Money `json:"total"`
	PaymentMethod   string      `json:"paymentMethod"`
	ShippingAddress Address     `json:"shippingAddress"`
	RequestHash     string      `json:"requestHash,omitempty"`
	AcceptedAt      time.Time   `json:"acceptedAt"`
	// Recovery is absent in the run that was started for a client's request.
	Recovery *Recovery `json:"recovery,omitempty"`
	// Settings holds what the deployment decides; the zero value means the
	// defaults of the workflow.
	Settings Settings `json:"settings,omitzero"`
}

// Item is one line with the name and the price that the customer accepted.
type Item struct {
	ProductID   string      `json:"productId"`
	ProductName string      `json:"productName"`
	Quantity    int64       `json:"quantity"`
	UnitPrice   money.Money `json:"unitPrice"`
}

// Address is where the parcel goes.
type Address struct {
	Name       string `json:"name"`
	Line1      string `json:"line1"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city"`
	Region     string `json:"region,omitempty"`
	PostalCode string `json:"postalCode,omitempty"`
	Country    string `json:"country"`
}

// Settings travel in the input, so that a replay sees what the first run saw.
type Settings struct {
	// FastWayOff makes every step an ordinary activity from the start.
	FastWayOff bool `json:"fastWayOff,omitempty"`
	// DurableSteps are the steps for which alone the fast way is off.
	DurableSteps []string `json:"durableSteps,omitempty"`
	// StepTimeout bounds one forward step over all its attempts, the time in
	// which it is on hold left out; 0 means 10 minutes.
	StepTimeout time.Duration `json:"stepTimeout,omitempty"`
	// Deadline is how long an order may take from the moment on which one of
	// its steps left the fast way until the carrier has accepted it, the time
	// on hold left out. Then it is undone. 0 means no deadline.
	Deadline time.Duration `json:"deadline,omitempty"`
	// FixWindow is how long a refused payment method or address may be replaced
	// before the order is undone; 0 undoes it at once.
	FixWindow time.Duration `json:"fixWindow,omitempty"`
}

// Recovery makes a second run of an order whose workflow ended without doing
// its work: it was terminated, timed out or lost. The run takes no step again.
// It finishes an order that the carrier has accepted and undoes any other.
type Recovery struct {
	// Reason becomes that of the cancellation.
	Reason string `json:"reason"`
	// Undo undoes the order even if the carrier has accepted it, because it is
	// recorded as cancelled, or not recorded at all: it cannot be finished.
	Undo bool `json:"undo,omitempty"`
	// Settled is what operators have said about compensations of the order
	// before. It stands: a recovery does not run these again.
	Settled []Settlement `json:"settled,omitempty"`
}

// Settlement is an operator's last word about a compensation that was blocked:
// given up, or done by hand.
type Settlement struct {
	// Update is UpdateSkip or UpdateResolve.
	Update string `json:"update"`
	OperatorRequest
}

// PlaceOrderResult is the result of a workflow that shipped its order.
type PlaceOrderResult struct {
	OrderID        string `json:"orderId"`
	TrackingNumber string `json:"trackingNumber"`
	Carrier        string `json:"carrier"`
	// CustomerNotified is false when the message was given up.
	CustomerNotified bool `json:"customerNotified"`
}

// ErrorSagaFailed is the type of the application error with which the workflow
// of an undone order closes. Its details hold one Progress.
const ErrorSagaFailed = "SagaFailed"
