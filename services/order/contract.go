// Package order is the public face of the order service: the JSON shapes of
// its API and a typed client. The service itself lives in internal and server:
// an event-sourced aggregate, and a read model that is projected from its
// events alone.
package order

import (
	"encoding/json"
	"time"

	"orderflow/internal/fence"
	"orderflow/services/money"
)

// Key names one step of one order; see fence.Key.
type Key = fence.Key

// Status is where an order stands.
type Status string

// The states of an order: draft -> confirmed -> shipped; cancelled from draft
// or confirmed.
const (
	Draft     Status = "draft"
	Confirmed Status = "confirmed"
	Shipped   Status = "shipped"
	Cancelled Status = "cancelled"
)

// Item is one line of an order with the name and the price that were frozen
// when it was accepted.
type Item struct {
	ProductID   string      `json:"productId"`
	ProductName string      `json:"productName"`
	Quantity    int64       `json:"quantity"`
	UnitPrice   money.Money `json:"unitPrice"`
}

// Placement is everything that an order is made of. It never changes after it
// was accepted.
type Placement struct {
	OrderID      string      `json:"orderId"`
	CustomerID   string      `json:"customerId"`
	CustomerName string      `json:"customerName"`
	Items        []Item      `json:"items"`
	Total        money.Money `json:"total"`
	// RequestHash identifies the body that the client sent with its
	// Idempotency-Key; empty without one.
	RequestHash string    `json:"requestHash,omitempty"`
	AcceptedAt  time.Time `json:"acceptedAt"`
}

// CreateRequest creates an order as a draft.
type CreateRequest struct {
	Key       Key       `json:"key"`
	Placement Placement `json:"placement"`
}

// ConfirmRequest confirms a draft that is reserved and paid.
type ConfirmRequest struct {
	Key Key `json:"key"`
}

// ShipRequest completes a confirmed order, with the outcome of its saga, whose
// state must be SagaCompleted.
type ShipRequest struct {
	Key            Key    `json:"key"`
	TrackingNumber string `json:"trackingNumber"`
	Carrier        string `json:"carrier"`
	Saga           Saga   `json:"saga"`
}

// CancelRequest undoes CreateRequest; Key is that of the creation. An unknown
// order is created and cancelled from the placement, so that an accepted order
// never vanishes. The saga's state must be SagaCompensated or SagaBlocked.
type CancelRequest struct {
	Key       Key       `json:"key"`
	Reason    string    `json:"reason"`
	Saga      Saga      `json:"saga"`
	Placement Placement `json:"placement"`
	// Operator is the person who asked for the compensation; empty when the
	// saga did by itself. It is recorded with the events, for audits.
	Operator string `json:"operator,omitempty"`
}

// InterventionStep is the step of the keys of interventions. It is not a step
// of the saga and is never undone.
const InterventionStep = "Intervention"

// InterventionAction is a kind of decision about an order's saga.
type InterventionAction string

// The decisions that people can make.
const (
	// InterventionRetry tries a blocked step or compensation at once.
	InterventionRetry InterventionAction = "retry"
	// InterventionSkip gives a blocked compensation up: its effect stays.
	InterventionSkip InterventionAction = "skip"
	// InterventionResolve takes a blocked compensation for done by hand.
	InterventionResolve InterventionAction = "resolve"
	// InterventionHold stops the order before its next step.
	InterventionHold InterventionAction = "hold"
	// InterventionRelease lets a held order go on.
	InterventionRelease InterventionAction = "release"
	// InterventionFix replaces what a service has refused.
	InterventionFix InterventionAction = "fix"
)

// Intervention is what a person decided about an order's saga.
type Intervention struct {
	Action InterventionAction `json:"action"`
	// Step is the step or the compensation concerned, by its activity; empty for
	// hold and release.
	Step string `json:"step,omitempty"`
	// Actor is the subject of the token that asked, of at most 200 characters.
	Actor string `json:"actor"`
	// Reason has 1 to 500 characters of one line.
	Reason string `json:"reason"`
	// At is when the saga accepted the decision.
	At time.Time `json:"at"`
}

// InterventionRequest records a decision in the order's stream. It changes
// nothing else about the order. The key's step is InterventionStep; its revision
// is a number from 1 that no other decision about the order has. Numbers may be
// left out.
type InterventionRequest struct {
	Key          Key          `json:"key"`
	Intervention Intervention `json:"intervention"`
}

// SagaState is where the saga of an order stands.
type SagaState string

// The states of a saga.
const (
	SagaRunning      SagaState = "running"
	SagaCompensating SagaState = "compensating"
	SagaCompleted    SagaState = "completed"
	SagaCompensated  SagaState = "compensated"
	SagaBlocked      SagaState = "blocked"
)

// Final reports whether the saga has come to its end.
func (s SagaState) Final() bool { return s == SagaCompleted || s == SagaCompensated }

// Saga is the progress or the outcome of an order's saga.
type Saga struct {
	State SagaState  `json:"state"`
	Steps []SagaStep `json:"steps"`
}

// SagaStep is one step of it. State is one of pending, running, waiting (it was
// refused and waits for a fix), done, failed, compensating, compensated,
// blocked, skipped. Compensation is there once the step is being undone; a
// failed step is undone too, because it may have happened.
type SagaStep struct {
	Name         string        `json:"name"`
	State        string        `json:"state"`
	Error        string        `json:"error,omitempty"`
	Compensation *Compensation `json:"compensation,omitempty"`
}

// Compensation is the undoing of one step. Name is the activity that does it;
// State is running, done, blocked or, given up by an operator, skipped. Error is
// why it is blocked; one that was done late keeps why it was.
type Compensation struct {
	Name  string `json:"name"`
	State string `json:"state"`
	Error string `json:"error,omitempty"`
	// Resolution says who ended a blocked compensation, how and why, such as
	// "skipped by ops-jane: the acquirer is gone": the service behind it may not
	// agree with the order. It has at most 800 characters, which holds the
	// longest actor and reason of an intervention. Empty when nobody had to.
	Resolution string `json:"resolution,omitempty"`
}

// Acknowledgement answers a command: the order's status and its stream's
// version after it.
type Acknowledgement struct {
	OrderID string `json:"orderId"`
	Status  Status `json:"status"`
	Version int64  `json:"version"`
}

// View is an order as the read model shows it. Everything in it comes from the
// order's own events.
type View struct {
	OrderID      string      `json:"orderId"`
	CustomerID   string      `json:"customerId"`
	CustomerName string      `json:"customerName"`
	Items        []Item      `json:"items"`
	TotalAmount  money.Money `json:"totalAmount"`
	Status       Status      `json:"status"`
	CreatedAt    time.Time   `json:"createdAt"`
	UpdatedAt    time.Time   `json:"updatedAt"`
	Version      int64       `json:"version"`

	TrackingNumber string `json:"trackingNumber,omitempty"`
	Carrier        string `json:"carrier,omitempty"`
	Reason         string `json:"reason,omitempty"`
	RequestHash    string `json:"requestHash,omitempty"`
	// Saga is absent while the saga runs: ask the workflow then.
	Saga *Saga `json:"saga,omitempty"`
}

// Summary is a row of a customer's list of orders.
type Summary struct {
	OrderID      string      `json:"orderId"`
	CustomerID   string      `json:"customerId"`
	CustomerName string      `json:"customerName"`
	ItemCount    int         `json:"itemCount"`
	TotalAmount  money.Money `json:"totalAmount"`
	Status       Status      `json:"status"`
	CreatedAt    time.Time   `json:"createdAt"`
	Version      int64       `json:"version"`
}

// Page is a page of a customer's orders, newest first.
type Page struct {
	Items []Summary `json:"items"`
	Page  int       `json:"page"`
	Limit int       `json:"limit"`
	// Total is how many orders are on all pages.
	Total int64 `json:"total"`
	// UpTo is the position in the customer's list up to which the page was
	// read: how many orders the customer had then, of any status. Links to
	// other pages carry it, so that these do not shift when orders are added.
	// It is absent when there was none. Clients take it as it is.
	UpTo int64 `json:"upTo,omitempty"`
}

// ListQuery asks for a page. Status "" means every status; Page counts from 1;
// Limit is 1 to 100.
type ListQuery struct {
	CustomerID string
	Status     Status
	Page       int
	Limit      int
	// UpTo is that of the first page: the list then has the orders that the
	// customer had at that time, and none that came later. Their status is
	// always the present one, so with Status an order may still enter or leave
	// the list. 0 is a list of all.
	UpTo int64
	// SeenOrder and SeenVersion are an order of the customer and the version
	// of it that the caller knows, from an acknowledgement or a view. The
	// service waits a moment until the list shows it. It does not wait longer
	// when the read model is far behind: compare the versions. Both are given,
	// or neither.
	SeenOrder   string
	SeenVersion int64
}

// Event is one recorded fact of an order's stream.
type Event struct {
	EventID       string `json:"eventId"`
	AggregateID   string `json:"aggregateId"`
	AggregateType string `json:"aggregateType"`
	EventType     string `json:"eventType"`
	// SchemaVersion is the version of the payload's shape, from 1.
	SchemaVersion int             `json:"schemaVersion"`
	Version       int64           `json:"version"`
	Timestamp     time.Time       `json:"timestamp"`
	Payload       json.RawMessage `json:"payload"`
}
