package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"
)

// projection is the part of invariant 5 that concerns one order: its rows in
// the read model are what a replay of its events makes. Each row says how far
// the read model had come when it was read, so it is compared with the events
// up to there, exactly, also while the projector runs.
func (b *breaches) projection(o *orderRows) {
	if len(o.views) != len(o.summaries) || len(o.views) > 1 {
		b.add(Projection, "the read model has %d views and %d summaries of it", len(o.views), len(o.summaries))
		return
	}
	if len(o.views) == 0 {
		if o.events[0].Position <= o.checkpoint {
			b.add(Projection, "the read model has come to position %d, but lacks the order of position %d",
				o.checkpoint, o.events[0].Position)
		}
		return
	}
	b.view(o.views[0], upTo(o.events, o.views[0].Checkpoint))
	b.summary(o.summaries[0], upTo(o.events, o.summaries[0].Checkpoint))
	if o.views[0].Ordinal != o.summaries[0].Ordinal {
		b.add(Projection, "its view has the ordinal %d, its summary %d", o.views[0].Ordinal, o.summaries[0].Ordinal)
	}
}

// upTo are the events that a read model at the position has projected.
func upTo(events []eventRow, position int64) []eventRow {
	count := 0
	for count < len(events) && events[count].Position <= position {
		count++
	}
	return events[:count]
}

func (b *breaches) view(row viewRow, events []eventRow) {
	if row.Version != int64(len(events)) {
		b.add(Projection, "its view is at version %d, but the %d events up to position %d make version %d",
			row.Version, len(events), row.Checkpoint, len(events))
		return
	}
	want, err := viewOf(events)
	if err != nil {
		b.add(Projection, "its events cannot be projected: %v", err)
		return
	}
	var got map[string]any
	if err := decodeExactly(row.View, &got); err != nil {
		b.add(Projection, "its view cannot be read: %v", err)
		return
	}
	members := make(map[string]bool)
	for name := range want {
		members[name] = true
	}
	for name := range got {
		members[name] = true
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !reflect.DeepEqual(got[name], want[name]) {
			b.add(Projection, "its view has %s %s, but its events make %s", name, short(got[name]), short(want[name]))
		}
	}
}

// viewOf makes the view of an order from its events, as JSON members.
func viewOf(events []eventRow) (map[string]any, error) {
	view := map[string]any{"version": int64(len(events))}
	for _, event := range events {
		var content map[string]any
		if err := decodeExactly(event.Payload, &content); err != nil {
			return nil, err
		}
		view["updatedAt"] = event.OccurredAt.Format(time.RFC3339Nano)
		switch event.EventType {
		case "OrderCreated":
			view["orderId"], view["createdAt"], view["status"] = event.AggregateID, view["updatedAt"], draft
			take(view, content, "customerId", "customerName", "items", "requestHash")
			view["totalAmount"] = content["total"]
		case "OrderConfirmed":
			view["status"] = confirmed
		case "OrderShipped":
			view["status"] = shipped
			take(view, content, "trackingNumber", "carrier", "saga")
		case "OrderCancelled":
			view["status"] = cancelled
			take(view, content, "reason", "saga")
		}
	}
	// Numbers and times take the form that they have in JSON.
	text, err := json.Marshal(view)
	if err != nil {
		return nil, err
	}
	var members map[string]any
	return members, decodeExactly(text, &members)
}

func take(view, content map[string]any, names ...string) {
	for _, name := range names {
		if value, there := content[name]; there {
			view[name] = value
		}
	}
}

// decodeExactly keeps every digit of a number.
func decodeExactly(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// short is a value for a message.
func short(value any) string {
	text := []rune(fmt.Sprint(value))
	if len(text) > 80 {
		return string(text[:80]) + "…"
	}
	return string(text)
}

func (b *breaches) summary(row summaryRow, events []eventRow) {
	h := replay(events)
	if row.Version != h.version {
		b.add(Projection, "its summary is at version %d, but the events up to position %d make version %d",
			row.Version, row.Checkpoint, h.version)
		return
	}
	var content struct {
		CustomerName string `json:"customerName"`
	}
	if err := json.Unmarshal(events[0].Payload, &content); err != nil {
		b.add(Projection, "its events cannot be projected: %v", err)
		return
	}
	want := row
	want.OrderID, want.CustomerID, want.CustomerName = events[0].AggregateID, h.customerID, content.CustomerName
	want.Status, want.ItemCount, want.TotalAmount = h.status, len(h.items), h.total
	if !want.CreatedAt.Equal(h.createdAt) {
		want.CreatedAt = h.createdAt
	}
	if row != want {
		b.add(Projection, "its summary is %s, but its events make %s", short(row), short(want))
	}
}
