package command

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"orderflow/internal/fence"
	"orderflow/internal/telemetry"
	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
	"orderflow/services/order/internal/eventcodec"
	"orderflow/services/order/internal/eventstore"
)

// Config is what the handlers are made of. All fields are required.
type Config struct {
	Store *eventstore.Store
	Codec *eventcodec.Codec
	// Now gives the time of new events.
	Now func() time.Time
	// NewEventID gives each new event an ID that no other event has.
	NewEventID func() string
	// Appended is called after a command was committed, so that the projector
	// need not wait for its next turn. It must not block.
	Appended func()
}

// orders loads and saves orders, and runs what all commands have in common.
type orders struct {
	Config
}

// decision looks at an order and says which events happen to it now. It may
// run more than once.
type decision func(current domain.Order, now time.Time) ([]domain.Event, error)

// act runs an action under its key at most once. Body is what an equal key must
// always come with.
func (o *orders) act(ctx context.Context, key fence.Key, body any, decide decision) (order.Acknowledgement, error) {
	return o.inTx(ctx, func(ctx context.Context, tx *sql.Tx) (order.Acknowledgement, error) {
		now := o.Now()
		return fence.Act(ctx, tx, key, body, now, func() (order.Acknowledgement, error) {
			return o.apply(ctx, tx, key.OrderID, causation(key), now, decide)
		})
	})
}

// compensate closes the key for good and undoes its action.
func (o *orders) compensate(ctx context.Context, key fence.Key, decide decision) (order.Acknowledgement, error) {
	return o.inTx(ctx, func(ctx context.Context, tx *sql.Tx) (order.Acknowledgement, error) {
		now := o.Now()
		if _, err := fence.Compensate(ctx, tx, key, now); err != nil {
			return order.Acknowledgement{}, err
		}
		return o.apply(ctx, tx, key.OrderID, "compensate "+causation(key), now, decide)
	})
}

func (o *orders) inTx(ctx context.Context, run func(context.Context, *sql.Tx) (order.Acknowledgement, error)) (order.Acknowledgement, error) {
	var acknowledgement order.Acknowledgement
	err := o.Store.InTx(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		acknowledgement, err = run(ctx, tx)
		return err
	})
	if err != nil {
		return order.Acknowledgement{}, refusal(err)
	}
	o.Appended()
	return acknowledgement, nil
}

// apply loads the order, decides, and appends the decided events.
func (o *orders) apply(ctx context.Context, tx *sql.Tx, orderID, cause string, now time.Time, decide decision) (order.Acknowledgement, error) {
	stream := eventstore.Stream{Type: domain.AggregateType, ID: orderID}
	current, err := o.load(ctx, tx, stream)
	if err != nil {
		return order.Acknowledgement{}, err
	}
	decided, err := decide(current, now)
	if err != nil {
		return order.Acknowledgement{}, err
	}
	next := current
	metadata := eventstore.Metadata{TraceID: telemetry.TraceID(ctx), Causation: cause}
	events := make([]eventstore.Event, len(decided))
	for i, event := range decided {
		if next, err = next.Evolve(event); err != nil {
			return order.Acknowledgement{}, err
		}
		data, err := o.Codec.Encode(event)
		if err != nil {
			return order.Acknowledgement{}, err
		}
		events[i] = eventstore.Event{ID: o.NewEventID(), Data: data, Metadata: metadata}
	}
	if _, err := o.Store.Append(ctx, tx, stream, current.Version(), now, events...); err != nil {
		return order.Acknowledgement{}, err
	}
	return order.Acknowledgement{OrderID: orderID, Status: next.Status(), Version: next.Version()}, nil
}

func (o *orders) load(ctx context.Context, tx *sql.Tx, stream eventstore.Stream) (domain.Order, error) {
	recorded, err := o.Store.Load(ctx, tx, stream)
	if err != nil {
		return domain.Order{}, err
	}
	events := make([]domain.Event, len(recorded))
	for i, event := range recorded {
		if events[i], err = o.Codec.Decode(event.Data); err != nil {
			return domain.Order{}, fmt.Errorf("loading %s: %w", stream, err)
		}
	}
	current, err := domain.Replay(events)
	if err != nil {
		return domain.Order{}, fmt.Errorf("loading %s: %w", stream, err)
	}
	return current, nil
}

func causation(key fence.Key) string { return fmt.Sprintf("%s/%d", key.Step, key.Revision) }
