package command

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"orderflow/internal/telemetry"
	"orderflow/services/order/internal/domain"
	"orderflow/services/order/internal/eventcodec"
	"orderflow/services/order/internal/eventstore"
)

// loaded is an order as it was loaded.
type loaded struct {
	domain.Order
	// snapshot is the version of the usable snapshot; 0 when there is none.
	snapshot int64
}

// load replays the stream, from its snapshot on where there is one. A snapshot
// that cannot be read is passed over; the next save replaces it.
func (o *orders) load(ctx context.Context, tx *sql.Tx, stream eventstore.Stream) (loaded, error) {
	snapshot, tail, err := o.Store.LoadFromSnapshot(ctx, tx, stream, eventcodec.StateSchema)
	if err != nil {
		return loaded{}, err
	}
	if snapshot.Version == 0 {
		return o.replay(stream, loaded{}, tail)
	}
	restored, err := eventcodec.DecodeState(snapshot)
	if err == nil {
		return o.replay(stream, loaded{Order: restored, snapshot: snapshot.Version}, tail)
	}
	telemetry.Logger(ctx, o.Log).Warn("passing over a snapshot", zap.Int64("version", snapshot.Version), zap.Error(err))
	events, err := o.Store.Load(ctx, tx, stream)
	if err != nil {
		return loaded{}, err
	}
	return o.replay(stream, loaded{}, events)
}

func (o *orders) replay(stream eventstore.Stream, from loaded, recorded []eventstore.Recorded) (loaded, error) {
	for _, stored := range recorded {
		event, err := o.Codec.Decode(stored.Data)
		if err == nil {
			from.Order, err = from.Evolve(event)
		}
		if err != nil {
			return loaded{}, fmt.Errorf("loading %s: version %d: %w", stream, stored.Version, err)
		}
	}
	return from, nil
}

// save appends what was decided, and a snapshot when the stream has grown long
// enough since the last one. It returns the order after it.
func (o *orders) save(ctx context.Context, tx *sql.Tx, stream eventstore.Stream, current loaded,
	decided []domain.Event, cause eventstore.Metadata, now time.Time,
) (domain.Order, error) {
	next := current.Order
	events := make([]eventstore.Event, len(decided))
	for i, event := range decided {
		var encoding, evolving error
		events[i] = eventstore.Event{ID: o.NewEventID(), Metadata: cause}
		events[i].Data, encoding = o.Codec.Encode(event)
		next, evolving = next.Evolve(event)
		if err := errors.Join(encoding, evolving); err != nil {
			return domain.Order{}, err
		}
	}
	if _, err := o.Store.Append(ctx, tx, stream, current.Version(), now, events...); err != nil {
		return domain.Order{}, err
	}
	if len(decided) == 0 || next.Version()-current.snapshot < cmp.Or(o.SnapshotEvery, defaultSnapshotEvery) {
		return next, nil
	}
	snapshot, err := eventcodec.EncodeState(next)
	if err != nil {
		return domain.Order{}, err
	}
	return next, o.Store.SaveSnapshot(ctx, tx, stream, snapshot)
}
