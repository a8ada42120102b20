package query

import (
	"context"

	"orderflow/services/order"
	"orderflow/services/order/internal/eventstore"
)

// History returns the recorded events of single orders.
type History struct {
	events *eventstore.Store
}

// NewHistory returns the handler.
func NewHistory(events *eventstore.Store) *History { return &History{events: events} }

// Events returns the order's stream, oldest first, as it was recorded.
func (h *History) Events(ctx context.Context, orderID string) ([]order.Event, error) {
	recorded, err := h.events.Load(ctx, h.events.Reader(), stream(orderID))
	if err != nil {
		return nil, err
	}
	if len(recorded) == 0 {
		return nil, notFound()
	}
	events := make([]order.Event, len(recorded))
	for i, event := range recorded {
		events[i] = order.Event{
			EventID:       event.ID,
			AggregateID:   event.Stream.ID,
			AggregateType: event.Stream.Type,
			EventType:     event.Type,
			SchemaVersion: event.SchemaVersion,
			Version:       event.Version,
			Timestamp:     event.OccurredAt,
			Payload:       event.Payload,
		}
	}
	return events, nil
}
