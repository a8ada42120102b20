package ordertest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"orderflow/internal/fence"
	"orderflow/internal/sqlstore"
	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
	"orderflow/services/order/internal/eventcodec"
	"orderflow/services/order/internal/eventstore"
	"orderflow/services/order/internal/migrations"
	"orderflow/services/order/internal/readmodel"
)

// fillBatch is how many orders one transaction of Fill holds.
const fillBatch = 200

// Fill stores one shipped order for each placement, from number first up to but
// without number end, and projects them: for measuring what stored orders cost.
// The order service must not run on the database meanwhile.
//
// Decisions, encoding, fences, appends and projection are the service's own. What
// is left out is one request and one commit for each event.
func Fill(ctx context.Context, dsn string, first, end int, placement func(number int) order.Placement) (err error) {
	db, err := sqlstore.Open(ctx, dsn, migrations.Schemas()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	f := filler{events: eventstore.New(db), codec: eventcodec.New()}
	for ; first < end; first += fillBatch {
		if err := f.events.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			for number := first; number < min(first+fillBatch, end); number++ {
				if err := f.store(ctx, tx, placement(number)); err != nil {
					return fmt.Errorf("storing order %d: %w", number, err)
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	projector := readmodel.NewProjector(db, f.events, f.codec, new(readmodel.Watchers))
	for more := true; more && err == nil; {
		more, err = projector.RunOnce(ctx)
	}
	return err
}

type filler struct {
	events *eventstore.Store
	codec  *eventcodec.Codec
}

// store takes one order from its creation to its end.
func (f filler) store(ctx context.Context, tx *sql.Tx, placement order.Placement) error {
	checked, err := domain.NewPlacement(placement)
	if err != nil {
		return err
	}
	shipment, err := domain.NewShipment("TRACK-"+placement.OrderID, "Parcel", order.Saga{State: order.SagaCompleted})
	if err != nil {
		return err
	}
	var current domain.Order
	for _, step := range []struct {
		name   string
		decide func() (domain.Event, error)
	}{
		{"CreateOrder", func() (domain.Event, error) { return current.Create(checked) }},
		{"ConfirmOrder", func() (domain.Event, error) { return current.Confirm(placement.AcceptedAt) }},
		{"CompleteOrder", func() (domain.Event, error) { return current.Ship(shipment) }},
	} {
		key := fence.Key{OrderID: placement.OrderID, Step: step.name, Revision: 1}
		_, err := fence.Act(ctx, tx, key, placement, placement.AcceptedAt, func() (order.Acknowledgement, error) {
			event, err := step.decide()
			if err == nil {
				current, err = f.append(ctx, tx, placement.OrderID, current, event, placement.AcceptedAt)
			}
			return order.Acknowledgement{OrderID: placement.OrderID, Status: current.Status(), Version: current.Version()}, err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (f filler) append(ctx context.Context, tx *sql.Tx, orderID string, current domain.Order, event domain.Event, at time.Time) (domain.Order, error) {
	data, err := f.codec.Encode(event)
	if err != nil {
		return current, err
	}
	stream := eventstore.Stream{Type: domain.AggregateType, ID: orderID}
	if _, err := f.events.Append(ctx, tx, stream, current.Version(), at, eventstore.Event{ID: "event-" + uuid.NewString(), Data: data}); err != nil {
		return current, err
	}
	return current.Evolve(event)
}
