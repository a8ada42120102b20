// Package sink holds the places that messages to customers are delivered to, a
// file and a mail server, and the form in which they get them. The port itself
// is declared by its consumer, the notification service, which uses one of
// them.
package sink

import "time"

// Message is one message to a customer.
type Message struct {
	// ID is the same each time a message is delivered, so that whoever reads
	// the sink can drop what came before.
	ID             string    `json:"id"`
	OrderID        string    `json:"orderId"`
	CustomerID     string    `json:"customerId"`
	Template       string    `json:"template"`
	TrackingNumber string    `json:"trackingNumber,omitempty"`
	Reason         string    `json:"reason,omitempty"`
	QueuedAt       time.Time `json:"queuedAt"`
}
