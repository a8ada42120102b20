// Package notification is the public face of the notification service: the
// JSON shapes of its API and a typed client. The service itself lives in
// internal and server. It accepts a message durably and delivers it at least
// once, in its own time, unless the mail system refuses it for good; a message
// that cannot be delivered never changes an order.
package notification

import (
	"time"

	"orderflow/internal/fence"
)

// Key names one step of one order; see fence.Key.
type Key = fence.Key

// Template is what the customer is told.
type Template string

// The messages of an order.
const (
	OrderShipped Template = "order-shipped"
	// OrderUndone says that the order will not come, and that nothing is kept.
	OrderUndone Template = "order-undone"
	// OrderUndoneUnrefunded says that the order will not come, and promises no
	// money: an operator has given the refund up.
	OrderUndoneUnrefunded Template = "order-undone-unrefunded"
)

// Templates lists every message that there is.
func Templates() []Template { return []Template{OrderShipped, OrderUndone, OrderUndoneUnrefunded} }

// NotifyRequest queues one message to the customer of an order.
type NotifyRequest struct {
	Key            Key      `json:"key"`
	CustomerID     string   `json:"customerId"`
	Template       Template `json:"template"`
	TrackingNumber string   `json:"trackingNumber,omitempty"`
	Reason         string   `json:"reason,omitempty"`
}

// Status is where a message stands.
type Status string

// The states of a message. A failed one was refused for good and is not tried
// again; its attempts tell why.
const (
	Queued    Status = "queued"
	Delivered Status = "delivered"
	Failed    Status = "failed"
)

// Notification is one message.
type Notification struct {
	OrderID    string    `json:"orderId"`
	CustomerID string    `json:"customerId"`
	Template   Template  `json:"template"`
	Status     Status    `json:"status"`
	Attempts   int       `json:"attempts"`
	QueuedAt   time.Time `json:"queuedAt"`
}
