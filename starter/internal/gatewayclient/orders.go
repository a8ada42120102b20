package gatewayclient

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"orderflow/services/money"
	"orderflow/workflows/contract"
)

// MaxWait is the longest time for which the gateway can be asked to wait for
// an order's end.
const MaxWait = 30 * time.Second

// FirstLook is how long the gateway is best asked to wait before AwaitRest looks
// for itself: longer than an order needs, and shorter than people like to wait
// for one that waits for them, whose placement is not answered earlier.
const FirstLook = 3 * time.Second

// Placement is the body that places an order.
type Placement struct {
	CustomerID      string           `json:"customerId"`
	Items           []PlacementItem  `json:"items"`
	Payment         PlacementPayment `json:"payment"`
	ShippingAddress *Address         `json:"shippingAddress,omitempty"`
}

// PlacementItem is one line of a placement. The price is the catalogue's.
type PlacementItem struct {
	ProductID string `json:"productId"`
	Quantity  int64  `json:"quantity"`
}

// PlacementPayment names a payment method of the provider, never card data.
type PlacementPayment struct {
	Method string `json:"method"`
}

// Address is where a parcel goes, or where a customer is; a customer's address
// needs no name.
type Address struct {
	Name       string `json:"name,omitempty"`
	Line1      string `json:"line1,omitempty"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city,omitempty"`
	Region     string `json:"region,omitempty"`
	PostalCode string `json:"postalCode,omitempty"`
	Country    string `json:"country,omitempty"`
}

// Status is where an order stands.
type Status string

// The states of an order.
const (
	StatusDraft     Status = "draft"
	StatusConfirmed Status = "confirmed"
	StatusShipped   Status = "shipped"
	StatusCancelled Status = "cancelled"
)

// Order is the order view.
type Order struct {
	OrderID      string          `json:"orderId"`
	CustomerID   string          `json:"customerId"`
	CustomerName string          `json:"customerName"`
	Items        []contract.Item `json:"items"`
	TotalAmount  money.Money     `json:"totalAmount"`
	Status       Status          `json:"status"`
	CreatedAt    time.Time       `json:"createdAt"`
	Version      int64           `json:"version"`
	// TrackingNumber and Carrier are empty until the order has shipped.
	TrackingNumber string `json:"trackingNumber"`
	Carrier        string `json:"carrier"`
	// Saga is nil when the gateway could not ask for it.
	Saga *Saga `json:"saga"`
}

// Saga is the progress or the outcome of an order's saga.
type Saga struct {
	State contract.SagaState      `json:"state"`
	Steps []contract.StepProgress `json:"steps"`
}

// Ended reports whether the order has come to its end: shipped, or undone
// completely. Status alone does not say so, because an order is cancelled
// before the last of its effects is undone.
func (o Order) Ended() bool {
	return o.Saga != nil && (o.Saga.State == contract.SagaCompleted || o.Saga.State == contract.SagaCompensated)
}

// Blocked reports whether the order waits for an operator.
func (o Order) Blocked() bool {
	return o.Saga != nil && o.Saga.State == contract.SagaBlocked
}

// WaitingStep returns the step that was refused and waits for the customer to
// replace what was refused; found is false when none does.
func (o Order) WaitingStep() (step contract.StepProgress, found bool) {
	return o.step(func(step contract.StepProgress) bool { return step.State == contract.StepWaiting })
}

// FailedStep returns the step that made the saga turn back; found is false
// when no step failed, as after a customer's cancel. A message to the customer
// that was given up turns nothing back.
func (o Order) FailedStep() (step contract.StepProgress, found bool) {
	return o.step(func(step contract.StepProgress) bool {
		return step.State == contract.StepFailed && step.Name != contract.StepNotifyCustomer
	})
}

// step returns the first step that is as wanted.
func (o Order) step(wanted func(contract.StepProgress) bool) (step contract.StepProgress, found bool) {
	if o.Saga == nil {
		return contract.StepProgress{}, false
	}
	at := slices.IndexFunc(o.Saga.Steps, wanted)
	if at < 0 {
		return contract.StepProgress{}, false
	}
	return o.Saga.Steps[at], true
}

// PlaceOptions go with a placement.
type PlaceOptions struct {
	// IdempotencyKey makes it safe to place again: the same key and body give
	// the same order. Empty means none.
	IdempotencyKey string
	// Wait asks the gateway to answer when the order has come to its end, or
	// after this time; whole seconds, at most MaxWait.
	Wait time.Duration
}

// Placed is the answer to a placement.
type Placed struct {
	OrderID string
	// Order is nil when the order was accepted and had not come to its end in
	// the time to wait.
	Order *Order
}

// PlaceOrder places an order once. After an error for which Temporary holds
// the order may exist: call again with the same idempotency key.
func (c *Client) PlaceOrder(ctx context.Context, placement Placement, options PlaceOptions) (Placed, error) {
	header := http.Header{}
	if options.IdempotencyKey != "" {
		header.Set("Idempotency-Key", options.IdempotencyKey)
	}
	wait := min(options.Wait, MaxWait).Truncate(time.Second)
	if wait > 0 {
		header.Set("Prefer", fmt.Sprintf("wait=%d", wait/time.Second))
	}
	var order Order
	got, err := c.do(ctx, call{
		method: http.MethodPost, path: "/v1/orders",
		header: header, body: placement, out: &order, allowed: wait,
	})
	if err != nil {
		return Placed{}, err
	}
	if order.OrderID == "" {
		return Placed{}, fmt.Errorf("placing an order: the answer with status %d has no order ID", got.status)
	}
	placed := Placed{OrderID: order.OrderID}
	if got.status == http.StatusCreated {
		placed.Order = &order
	}
	return placed, nil
}

// Order returns the order view, or problem.NotFound.
func (c *Client) Order(ctx context.Context, orderID string) (Order, error) {
	var order Order
	_, err := c.do(ctx, call{method: http.MethodGet, path: orderPath(orderID), out: &order})
	return order, err
}

func orderPath(orderID string) string { return "/v1/orders/" + url.PathEscape(orderID) }
