package command

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"go.uber.org/zap"

	"orderflow/internal/fence"
	"orderflow/internal/telemetry"
	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
	"orderflow/services/order/internal/eventcodec"
	"orderflow/services/order/internal/eventstore"
)

// Config is what the handlers are made of. All fields but SnapshotEvery are
// required.
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
	// Log is told of snapshots that cannot be used.
	Log *zap.Logger
	// SnapshotEvery is how many events a stream grows by until the next
	// snapshot of its order. Default 100: loading as many is still fast, and
	// orders with ordinary lives get none.
	SnapshotEvery int64
}

const defaultSnapshotEvery = 100

// orders runs what all commands have in common.
type orders struct {
	Config
}

// decision looks at an order and says which events happen to it now. It may
// run more than once.
type decision func(current domain.Order, now time.Time) ([]domain.Event, error)

// act runs an action under its key at most once. Body is what an equal key must
// always come with.
func (o *orders) act(ctx context.Context, key fence.Key, body any, decide decision) (order.Acknowledgement, error) {
	return o.actFor(ctx, "", key, body, decide)
}

// actFor does what act does, at the wish of an operator.
func (o *orders) actFor(ctx context.Context, operator string, key fence.Key, body any, decide decision) (order.Acknowledgement, error) {
	return o.inTx(ctx, func(ctx context.Context, tx *sql.Tx) (order.Acknowledgement, error) {
		now := o.Now()
		cause := causedBy(ctx, key)
		cause.Operator = operator
		return fence.Act(ctx, tx, key, body, now, func() (order.Acknowledgement, error) {
			return o.apply(ctx, tx, key.OrderID, cause, now, decide)
		})
	})
}

// compensate closes the key for good and undoes its action. Operator is who
// asked for it, empty when the saga did by itself.
func (o *orders) compensate(ctx context.Context, key fence.Key, operator string, decide decision) (order.Acknowledgement, error) {
	return o.inTx(ctx, func(ctx context.Context, tx *sql.Tx) (order.Acknowledgement, error) {
		now := o.Now()
		if _, err := fence.Compensate(ctx, tx, key, now); err != nil {
			return order.Acknowledgement{}, err
		}
		cause := causedBy(ctx, key)
		cause.Causation = "compensate " + cause.Causation
		cause.Operator = operator
		return o.apply(ctx, tx, key.OrderID, cause, now, decide)
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
func (o *orders) apply(ctx context.Context, tx *sql.Tx, orderID string, cause eventstore.Metadata, now time.Time, decide decision) (order.Acknowledgement, error) {
	stream := eventstore.Stream{Type: domain.AggregateType, ID: orderID}
	current, err := o.load(ctx, tx, stream)
	if err != nil {
		return order.Acknowledgement{}, err
	}
	decided, err := decide(current.Order, now)
	if err != nil {
		return order.Acknowledgement{}, err
	}
	next, err := o.save(ctx, tx, stream, current, decided, cause, now)
	if err != nil {
		return order.Acknowledgement{}, err
	}
	return order.Acknowledgement{OrderID: orderID, Status: next.Status(), Version: next.Version()}, nil
}

// causedBy says which trace and which step of the saga cause events.
func causedBy(ctx context.Context, key fence.Key) eventstore.Metadata {
	return eventstore.Metadata{TraceID: telemetry.TraceID(ctx), Causation: fmt.Sprintf("%s/%d", key.Step, key.Revision)}
}
