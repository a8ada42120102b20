package domain

import (
	"time"

	"orderflow/services/money"
	"orderflow/services/order"
)

// Event is a fact about one order. The set is closed: OrderCreated,
// OrderConfirmed, OrderShipped, OrderCancelled, OrderIntervened. Events are
// values and are never changed.
//
// The JSON tags are the stored form. A change of a payload's shape is a new
// schema version with an upcaster in eventcodec, never an edit here alone.
type Event interface {
	// EventType is the stable name under which the event is stored.
	EventType() EventType
	isEvent()
}

// EventType is the name of a kind of event. It does not depend on the name of
// the Go type, so that renaming the type does not break history.
type EventType string

// The kinds of events.
const (
	TypeOrderCreated    EventType = "OrderCreated"
	TypeOrderConfirmed  EventType = "OrderConfirmed"
	TypeOrderShipped    EventType = "OrderShipped"
	TypeOrderCancelled  EventType = "OrderCancelled"
	TypeOrderIntervened EventType = "OrderIntervened"
)

// OrderCreated records a new draft with everything that it is made of. Names
// and prices are frozen here, so that a replay needs nobody else.
type OrderCreated struct {
	CustomerID   string       `json:"customerId"`
	CustomerName string       `json:"customerName"`
	Items        []order.Item `json:"items"`
	Total        money.Money  `json:"total"`
	RequestHash  string       `json:"requestHash,omitempty"`
	AcceptedAt   time.Time    `json:"acceptedAt"`
}

// OrderConfirmed records that the draft's goods are reserved and paid.
type OrderConfirmed struct {
	ConfirmedAt time.Time `json:"confirmedAt"`
}

// OrderShipped records that the order has left, and how its saga ended.
type OrderShipped struct {
	TrackingNumber string     `json:"trackingNumber"`
	Carrier        string     `json:"carrier"`
	Saga           order.Saga `json:"saga"`
}

// OrderCancelled records that the order will not be shipped, why, and how its
// saga ended.
type OrderCancelled struct {
	Reason string     `json:"reason"`
	Saga   order.Saga `json:"saga"`
}

// OrderIntervened records what a person decided about the order's saga. It
// changes nothing about the order itself.
type OrderIntervened struct {
	Action order.InterventionAction `json:"action"`
	// Step is absent when the decision is about the whole order.
	Step   string `json:"step,omitempty"`
	Actor  string `json:"actor"`
	Reason string `json:"reason"`
	// At is when the saga accepted the decision; the event is recorded later.
	At time.Time `json:"at"`
}

// EventType returns TypeOrderCreated.
func (OrderCreated) EventType() EventType { return TypeOrderCreated }

// EventType returns TypeOrderConfirmed.
func (OrderConfirmed) EventType() EventType { return TypeOrderConfirmed }

// EventType returns TypeOrderShipped.
func (OrderShipped) EventType() EventType { return TypeOrderShipped }

// EventType returns TypeOrderCancelled.
func (OrderCancelled) EventType() EventType { return TypeOrderCancelled }

// EventType returns TypeOrderIntervened.
func (OrderIntervened) EventType() EventType { return TypeOrderIntervened }

func (OrderCreated) isEvent()    {}
func (OrderConfirmed) isEvent()  {}
func (OrderShipped) isEvent()    {}
func (OrderCancelled) isEvent()  {}
func (OrderIntervened) isEvent() {}
