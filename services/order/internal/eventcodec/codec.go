// Package eventcodec writes the order's events as JSON and reads them back,
// whichever version of a payload's schema they were written in.
//
// A kind of event has a name that never changes ("OrderCreated") and a schema
// version that rises when the shape of its payload changes. Events are never
// rewritten in the store. Instead an upcaster turns a payload of one version
// into one of the next, and decoding applies as many as needed; the domain
// knows only the newest shape. testdata holds a payload of every version that
// was ever stored, and a test reads them all.
//
// It is not for other data that crosses a process boundary.
package eventcodec

import (
	"encoding/json"
	"errors"
	"fmt"

	"orderflow/services/order/internal/domain"
	"orderflow/services/order/internal/eventstore"
)

// Errors of Decode. Both mean that the event cannot be understood by this
// program: the reader stops and tells an operator, and never skips the event.
var (
	// ErrUnknownEvent reports a type, or a schema version, that this program
	// does not know. A newer program wrote it.
	ErrUnknownEvent = errors.New("unknown kind of event")
	// ErrCorruptPayload reports a payload that is not what its type and schema
	// version promise.
	ErrCorruptPayload = errors.New("corrupt payload of an event")
)

// upcaster turns a payload of one schema version into one of the next.
type upcaster func(json.RawMessage) (json.RawMessage, error)

// kind is how one type of event is read. The newest schema version is
// 1 + len(upcasters); upcasters[i] reads version i+1.
type kind struct {
	upcasters []upcaster
	decode    func(json.RawMessage) (domain.Event, error)
}

// Codec reads and writes every kind of the order's events. It is safe for
// concurrent use.
type Codec struct {
	kinds map[domain.EventType]kind
}

// New returns the codec of the schema versions that this program knows.
func New() *Codec {
	return &Codec{kinds: map[domain.EventType]kind{
		domain.TypeOrderCreated:    {decode: into[domain.OrderCreated]},
		domain.TypeOrderConfirmed:  {decode: into[domain.OrderConfirmed]},
		domain.TypeOrderShipped:    {decode: into[domain.OrderShipped]},
		domain.TypeOrderCancelled:  {decode: into[domain.OrderCancelled]},
		domain.TypeOrderIntervened: {decode: into[domain.OrderIntervened]},
	}}
}

// Encode writes the event in its newest schema version.
func (c *Codec) Encode(event domain.Event) (eventstore.Data, error) {
	kind, known := c.kinds[event.EventType()]
	if !known {
		return eventstore.Data{}, fmt.Errorf("encoding %s: %w", event.EventType(), ErrUnknownEvent)
	}
	payload, err := json.Marshal(event)
	if err != nil {
		return eventstore.Data{}, fmt.Errorf("encoding %s: %w", event.EventType(), err)
	}
	return eventstore.Data{Type: string(event.EventType()), SchemaVersion: kind.newest(), Payload: payload}, nil
}

// Decode reads an event of any schema version. Its error wraps ErrUnknownEvent
// or ErrCorruptPayload.
func (c *Codec) Decode(data eventstore.Data) (domain.Event, error) {
	kind, known := c.kinds[domain.EventType(data.Type)]
	if !known || data.SchemaVersion < 1 || data.SchemaVersion > kind.newest() {
		return nil, fmt.Errorf("decoding %q of schema version %d: %w", data.Type, data.SchemaVersion, ErrUnknownEvent)
	}
	payload := data.Payload
	for _, upcast := range kind.upcasters[data.SchemaVersion-1:] {
		var err error
		if payload, err = upcast(payload); err != nil {
			return nil, corrupt(data, err)
		}
	}
	event, err := kind.decode(payload)
	if err != nil {
		return nil, corrupt(data, err)
	}
	return event, nil
}

func (k kind) newest() int { return 1 + len(k.upcasters) }

func corrupt(data eventstore.Data, cause error) error {
	return fmt.Errorf("decoding %q of schema version %d: %w: %w", data.Type, data.SchemaVersion, ErrCorruptPayload, cause)
}

func into[E domain.Event](payload json.RawMessage) (domain.Event, error) {
	var event *E
	if err := json.Unmarshal(payload, &event); err != nil {
		return nil, err
	}
	if event == nil {
		return nil, errors.New("the payload is null")
	}
	return *event, nil
}
