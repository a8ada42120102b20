package eventcodec

import (
	"encoding/json"
	"fmt"

	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
	"orderflow/services/order/internal/eventstore"
)

// StateSchema is the version of the shape in which an order's state is written
// into snapshots. It rises with each change of the shape; snapshots of other
// versions are not read, and written anew in time.
const StateSchema = 1

type state struct {
	Status  order.Status `json:"status"`
	Version int64        `json:"version"`
}

// EncodeState writes the order's state as a snapshot.
func EncodeState(o domain.Order) (eventstore.Snapshot, error) {
	text, err := json.Marshal(state{Status: o.Status(), Version: o.Version()})
	if err != nil {
		return eventstore.Snapshot{}, fmt.Errorf("encoding a snapshot: %w", err)
	}
	return eventstore.Snapshot{Version: o.Version(), SchemaVersion: StateSchema, State: text}, nil
}

// DecodeState reads a snapshot. Its error wraps ErrCorruptPayload; the caller
// replays the events instead.
func DecodeState(snapshot eventstore.Snapshot) (domain.Order, error) {
	if snapshot.SchemaVersion != StateSchema {
		return domain.Order{}, fmt.Errorf("decoding a snapshot of schema version %d: %w", snapshot.SchemaVersion, ErrCorruptPayload)
	}
	var stored state
	if err := json.Unmarshal(snapshot.State, &stored); err != nil {
		return domain.Order{}, fmt.Errorf("decoding a snapshot: %w: %w", ErrCorruptPayload, err)
	}
	if stored.Version != snapshot.Version {
		return domain.Order{}, fmt.Errorf("decoding a snapshot of version %d: it holds version %d: %w", snapshot.Version, stored.Version, ErrCorruptPayload)
	}
	restored, err := domain.Restore(stored.Status, stored.Version)
	if err != nil {
		return domain.Order{}, fmt.Errorf("decoding a snapshot: %w: %w", ErrCorruptPayload, err)
	}
	return restored, nil
}
