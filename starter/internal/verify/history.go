package verify

import (
	"encoding/json"
	"fmt"
	"time"

	"orderflow/services/money"
)

// The states of an order and of its saga.
const (
	draft     = "draft"
	confirmed = "confirmed"
	shipped   = "shipped"
	cancelled = "cancelled"

	sagaCompleted   = "completed"
	sagaCompensated = "compensated"
	sagaBlocked     = "blocked"
)

// history is what an order's events say.
type history struct {
	// faults are what is wrong with the stream itself. Nothing else means
	// anything then.
	faults []string

	status      string // "" without events
	version     int64
	customerID  string
	items       []item
	total       money.Money
	requestHash string
	saga        saga
	tracking    string
	// decisions are the causes of the events that record one. retried are the
	// steps and compensations that somebody had tried again.
	decisions []string
	retried   map[string]bool
	// createdAt and createdPosition are those of the first event.
	createdAt       time.Time
	createdPosition int64
}

type item struct {
	ProductID string      `json:"productId"`
	Quantity  int64       `json:"quantity"`
	UnitPrice money.Money `json:"unitPrice"`
}

type saga struct {
	State string     `json:"state"`
	Steps []sagaStep `json:"steps"`
}

type sagaStep struct {
	Name         string            `json:"name"`
	State        string            `json:"state"`
	Error        string            `json:"error"`
	Compensation *sagaCompensation `json:"compensation"`
}

type sagaCompensation struct {
	Name       string `json:"name"`
	State      string `json:"state"`
	Error      string `json:"error"`
	Resolution string `json:"resolution"`
}

// payload has the members of every kind of event that the checks look at.
type payload struct {
	CustomerID     string      `json:"customerId"`
	Items          []item      `json:"items"`
	Total          money.Money `json:"total"`
	RequestHash    string      `json:"requestHash"`
	TrackingNumber string      `json:"trackingNumber"`
	Saga           saga        `json:"saga"`
	Action         string      `json:"action"`
	Step           string      `json:"step"`
}

// knownSchema is the newest version of the payloads' shapes that is understood
// here.
const knownSchema = 1

// intervened is the kind of event that records a decision of a person.
const intervened = "OrderIntervened"

// transition is one legal step of an order.
type transition struct{ from, event string }

// transitions are all of them, with the status that they lead to. A decision of
// a person may be recorded at any time, also after the end, and changes nothing.
var transitions = map[transition]string{
	{"", "OrderCreated"}:          draft,
	{draft, "OrderConfirmed"}:     confirmed,
	{confirmed, "OrderShipped"}:   shipped,
	{draft, "OrderCancelled"}:     cancelled,
	{confirmed, "OrderCancelled"}: cancelled,
	{draft, intervened}:           draft,
	{confirmed, intervened}:       confirmed,
	{shipped, intervened}:         shipped,
	{cancelled, intervened}:       cancelled,
}

// replay folds an order's events, oldest first.
func replay(events []eventRow) history {
	var h history
	ids := make(map[string]int64, len(events))
	var position int64
	var at time.Time
	for _, event := range events {
		if other, twice := ids[event.EventID]; twice {
			h.fault("event ID %s stands at versions %d and %d", event.EventID, other, event.Version)
		}
		ids[event.EventID] = event.Version
		if event.Position <= position {
			h.fault("version %d has position %d, which is not after %d", event.Version, event.Position, position)
		}
		if event.OccurredAt.Before(at) {
			h.fault("version %d is earlier than the version before it", event.Version)
		}
		position, at = event.Position, event.OccurredAt
		h.evolve(event)
	}
	return h
}

func (h *history) evolve(event eventRow) {
	if event.Version != h.version+1 {
		h.fault("version %d comes after version %d", event.Version, h.version)
	}
	h.version = event.Version
	if event.AggregateType != "Order" || event.SchemaVersion < 1 || event.SchemaVersion > knownSchema {
		h.fault("version %d is of a kind that is not known here: %s/%s, schema %d",
			event.Version, event.AggregateType, event.EventType, event.SchemaVersion)
		return
	}
	next, legal := transitions[transition{h.status, event.EventType}]
	if !legal {
		h.fault("version %d is %s, which cannot happen to an order that is %q", event.Version, event.EventType, h.status)
		return
	}
	var content payload
	if err := json.Unmarshal(event.Payload, &content); err != nil {
		h.fault("the payload of version %d cannot be read: %v", event.Version, err)
		return
	}
	h.status = next
	switch event.EventType {
	case "OrderCreated":
		h.customerID, h.items, h.total, h.requestHash = content.CustomerID, content.Items, content.Total, content.RequestHash
		h.createdAt, h.createdPosition = event.OccurredAt, event.Position
	case "OrderShipped":
		h.saga, h.tracking = content.Saga, content.TrackingNumber
	case "OrderCancelled":
		h.saga = content.Saga
	case intervened:
		h.decide(event, content)
	}
}

func (h *history) decide(event eventRow, content payload) {
	var cause struct {
		Causation string `json:"causation"`
	}
	if err := json.Unmarshal(event.Metadata, &cause); err != nil {
		h.fault("the metadata of version %d cannot be read: %v", event.Version, err)
	}
	h.decisions = append(h.decisions, cause.Causation)
	if content.Action != "retry" {
		return
	}
	if h.retried == nil {
		h.retried = make(map[string]bool)
	}
	h.retried[content.Step] = true
}

func (h *history) fault(format string, args ...any) {
	h.faults = append(h.faults, fmt.Sprintf(format, args...))
}

func (h *history) intact() bool { return len(h.faults) == 0 && h.version > 0 }

// end is shipped or cancelled for an order that has come to its end with all
// its effects, "" for one in flight and for one that waits for an operator.
func (h *history) end() string {
	if !h.intact() || h.saga.State == sagaBlocked || (h.status != shipped && h.status != cancelled) {
		return ""
	}
	return h.status
}

// quantities are what was ordered of each product.
func (h *history) quantities() map[string]int64 {
	ordered := make(map[string]int64, len(h.items))
	for _, item := range h.items {
		ordered[item.ProductID] += item.Quantity
	}
	return ordered
}
