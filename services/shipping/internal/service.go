package internal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"orderflow/internal/fence"
	"orderflow/internal/fence/outside"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/services/shipping"
	"orderflow/services/shipping/internal/carrier"
)

// Carrier is the port to the company that delivers parcels. Its methods bound
// their own time. An error other than the named ones means that the outcome is
// unknown: the parcels may be accepted. The service asks again by the same key.
type Carrier interface {
	// Ship asks the carrier to take the parcels, at most once a key. That it
	// refused them, or that they were cancelled before, is an answer and no
	// error: see carrier.Consignment.State. carrier.ErrKeyReused when the key
	// came before with another request.
	Ship(ctx context.Context, request carrier.Request) (carrier.Consignment, error)
	// Cancel calls off what was accepted under the key, before hand-over. Under
	// a key that the carrier does not know it makes a later shipment
	// impossible. It may be repeated.
	Cancel(ctx context.Context, key string) (carrier.Consignment, error)
	// Lookup returns the consignment of the key, or carrier.ErrUnknownKey.
	Lookup(ctx context.Context, key string) (carrier.Consignment, error)
}

// Service holds the rules of shipments.
type Service struct {
	db      *sqlstore.DB
	carrier Carrier
	now     func() time.Time
	locks   fence.Locks
}

// NewService returns a service over an opened database and a carrier.
func NewService(db *sqlstore.DB, carrier Carrier, now func() time.Time) *Service {
	return &Service{db: db, carrier: carrier, now: now}
}

// Ship hands an order to the carrier. An equal request again gets the first
// answer again, a refusal included. Beside the errors of fence.Begin:
//
//   - problem.ShipmentRefused, with the carrier's reason: nothing is shipped;
//   - problem.Conflict: another shipment of the order was accepted;
//   - problem.InFlight: the outcome of another shipment of the order is not
//     known yet;
//   - problem.Unavailable and problem.Timeout: the carrier gave no answer. It
//     may have accepted; the same request again finds out.
func (s *Service) Ship(ctx context.Context, request shipping.ShipRequest) (shipping.Shipment, error) {
	first, err := outside.Act(ctx, &s.locks, request.Key, outside.Effect[carrier.Consignment, answer]{
		Begin: func(ctx context.Context) (fence.Seen, error) { return s.begin(ctx, request) },
		Ask: func(ctx context.Context, asked bool) (carrier.Consignment, error) {
			return s.handOver(ctx, request, asked)
		},
		Record: func(ctx context.Context, outcome carrier.Consignment) (answer, error) {
			return s.record(ctx, request.Key, outcome)
		},
		Undo: func(ctx context.Context) error { return s.callOff(ctx, request.Key) },
	})
	if err != nil {
		return shipping.Shipment{}, err
	}
	return first.give()
}

// begin records that the carrier may be asked from now on.
func (s *Service) begin(ctx context.Context, request shipping.ShipRequest) (seen fence.Seen, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		now := s.now()
		seen, err = fence.Begin(ctx, tx, request.Key, request, now)
		if err != nil || seen.State != fence.Unknown {
			return err
		}
		shipments, err := shipmentsOf(ctx, tx, request.Key.OrderID)
		if err != nil {
			return err
		}
		if err := refuseSecond(shipments); err != nil {
			return err
		}
		return insertShipment(ctx, tx, shipment{
			key: request.Key, state: pending, cancellation: notRequested, updatedAt: now,
		})
	})
	return seen, err
}

// refuseSecond keeps an order from shipping twice under two keys.
func refuseSecond(shipments []shipment) error {
	for _, other := range shipments {
		switch other.state {
		case pending:
			return problem.New(problem.InFlight, "the outcome of another shipment of this order is not known yet")
		case accepted:
			return problem.New(problem.Conflict, "another shipment of this order has been accepted")
		default:
		}
	}
	return nil
}

// handOver asks the carrier; asked says that it may have been asked before.
func (s *Service) handOver(ctx context.Context, request shipping.ShipRequest, asked bool) (carrier.Consignment, error) {
	key := request.Key.String()
	outcome, err := outside.Ask(asked, carrier.ErrUnknownKey,
		func() (carrier.Consignment, error) { return s.carrier.Lookup(ctx, key) },
		func() (carrier.Consignment, error) {
			return s.carrier.Ship(ctx, carrier.Request{
				Key: key, OrderID: request.Key.OrderID, Address: request.Address, Parcels: request.Parcels,
			})
		})
	if err != nil {
		return carrier.Consignment{}, unanswered(err)
	}
	return outcome, nil
}

// record stores the carrier's answer as the answer of the key.
// problem.AlreadyCompensated when a cancellation came first.
func (s *Service) record(ctx context.Context, key fence.Key, outcome carrier.Consignment) (first answer, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now := s.now()
		found, err := findShipment(ctx, tx, key)
		if err != nil {
			return err
		}
		if err := found.take(outcome); err != nil {
			return err
		}
		found.updatedAt = now
		first = answerOf(found)
		if err := fence.Confirm(ctx, tx, key, first, now); err != nil {
			return err
		}
		return updateShipment(ctx, tx, found)
	})
	return first, err
}

// take moves a shipment to what the carrier answered to it.
func (s *shipment) take(outcome carrier.Consignment) error {
	switch outcome.State {
	case carrier.Accepted:
		s.state, s.trackingNumber, s.carrier = accepted, outcome.TrackingNumber, outcome.Carrier
		return nil
	case carrier.Refused:
		s.state, s.reason = refused, outcome.Reason
		return nil
	case carrier.Cancelled, carrier.Voided:
		return problem.New(problem.AlreadyCompensated, "the shipment has already been cancelled at the carrier")
	default:
		return fmt.Errorf("the carrier answered the unknown state %q for %s", outcome.State, s.key)
	}
}

// unanswered says that the carrier's answer is missing.
func unanswered(err error) error {
	switch {
	case errors.Is(err, carrier.ErrKeyReused):
		return problem.New(problem.KeyReused, "the carrier knows this shipment with other details").WithCause(err)
	case errors.Is(err, context.DeadlineExceeded):
		return problem.New(problem.Timeout, "the carrier did not answer in time").WithCause(err)
	default:
		return problem.New(problem.Unavailable, "the carrier gave no answer").WithCause(err)
	}
}
