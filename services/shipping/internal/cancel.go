package internal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"orderflow/internal/fence"
	"orderflow/internal/problem"
	"orderflow/services/shipping"
	"orderflow/services/shipping/internal/carrier"
)

// Cancel undoes Ship, whether or not it has happened, and returns nil only when
// the carrier has said that nothing accepted under the key is left. It may be
// repeated, and goes on where the last attempt stopped. Of a key that was never
// shipped it leaves a tombstone. problem.Unavailable and problem.Timeout: the
// carrier gave no answer; the cancellation stays requested.
func (s *Service) Cancel(ctx context.Context, request shipping.CancelRequest) error {
	release, err := s.locks.Lock(ctx, request.Key)
	if err != nil {
		return err
	}
	defer release()

	open, err := s.requestCancellation(ctx, request)
	if err != nil || !open {
		return err
	}
	return s.callOff(ctx, request.Key)
}

// requestCancellation closes the key and records that its shipment must be
// called off. open is false when there is nothing to do at the carrier: the key
// was never shipped, was refused, or its cancellation is settled.
func (s *Service) requestCancellation(ctx context.Context, request shipping.CancelRequest) (open bool, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		open = false
		now := s.now()
		seen, err := fence.Compensate(ctx, tx, request.Key, now)
		if err != nil || seen.State == fence.Unknown {
			return err
		}
		found, err := findShipment(ctx, tx, request.Key)
		if errors.Is(err, errNoShipment) && seen.State == fence.Compensated {
			return nil // a tombstone
		}
		if err != nil || found.state == refused {
			return err
		}
		open = found.cancellation != settled
		if found.cancellation != notRequested {
			return nil
		}
		found.cancellation, found.reason, found.updatedAt = requested, request.Reason, now
		return updateShipment(ctx, tx, found)
	})
	return open, err
}

// callOff finishes a cancellation that was requested: it asks the carrier and
// then records what came of it. Without a requested cancellation it records
// nothing.
func (s *Service) callOff(ctx context.Context, key fence.Key) error {
	outcome, err := s.carrier.Cancel(ctx, key.String())
	if err != nil {
		return unanswered(err)
	}
	return s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		found, err := findShipment(ctx, tx, key)
		if err != nil || found.cancellation != requested {
			return err
		}
		if err := found.undo(outcome); err != nil {
			return err
		}
		found.cancellation, found.updatedAt = settled, s.now()
		return updateShipment(ctx, tx, found)
	})
}

// undo moves a shipment to what the carrier answered to its cancellation. An
// answer that contradicts what it said before is an error: somebody must look.
func (s *shipment) undo(outcome carrier.Consignment) error {
	switch {
	case outcome.State == carrier.Accepted:
		return problem.New(problem.Unavailable, "the carrier has not called the shipment off yet")
	case outcome.State == carrier.Cancelled:
		s.state, s.trackingNumber, s.carrier = cancelled, outcome.TrackingNumber, outcome.Carrier
	case outcome.State == carrier.Refused && s.state == pending:
		s.state, s.reason = refused, outcome.Reason
	case outcome.State == carrier.Voided && s.state == pending:
		s.state = void
	default:
		return fmt.Errorf("the carrier says that %s is %s, but it is %s here", s.key, outcome.State, s.state)
	}
	return nil
}
