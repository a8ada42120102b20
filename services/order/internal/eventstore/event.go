package eventstore

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrConflict reports an append to a stream that is not at the expected
// version any more. The caller loads the stream again and decides anew.
var ErrConflict = errors.New("the stream has moved on")

// ErrHole reports events that are missing between two others. It is a defect
// of the data: the reader stops and tells an operator.
var ErrHole = errors.New("events are missing")

// Stream names the events of one aggregate.
type Stream struct {
	// Type is the aggregate's type, such as "Order".
	Type string
	// ID is the aggregate's ID.
	ID string
}

// String is the stream's name for messages.
func (s Stream) String() string { return s.Type + " " + s.ID }

// Event is a fact that is not stored yet.
type Event struct {
	Data
	// ID is unique among all events.
	ID       string
	Metadata Metadata
}

// Data is what happened, in the form in which it is stored.
type Data struct {
	// Type is the name of the kind of event. It never changes.
	Type string
	// SchemaVersion is the version of the payload's shape, from 1.
	SchemaVersion int
	// Payload is a JSON value.
	Payload json.RawMessage
}

// Metadata says where an event came from. It plays no part in any decision.
type Metadata struct {
	// TraceID is the trace of the request, 32 hexadecimal digits.
	TraceID string `json:"traceId,omitempty"`
	// Causation names what caused the event, such as the step of a saga.
	Causation string `json:"causation,omitempty"`
	// Operator is the person who asked for it; empty when nobody did.
	Operator string `json:"operator,omitempty"`
}

// Recorded is a stored event.
type Recorded struct {
	Event
	Stream Stream
	// Position counts all events of all streams, from 1.
	Position int64
	// Version counts the events of the stream, from 1.
	Version int64
	// OccurredAt is in UTC with microseconds.
	OccurredAt time.Time
}

func (m Metadata) encode() (string, error) {
	text, err := json.Marshal(m)
	if err != nil {
		return "", fmt.Errorf("encoding metadata: %w", err)
	}
	return string(text), nil
}
