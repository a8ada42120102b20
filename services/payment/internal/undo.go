package internal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"orderflow/internal/fence"
	"orderflow/internal/problem"
	"orderflow/services/payment"
	"orderflow/services/payment/internal/provider"
)

// Refund undoes Charge, whether or not it has happened, and returns nil only
// when the provider has said that nothing captured under the key is left: what
// agreed refunds have not given back, this does. It may be repeated, and goes
// on where the last attempt stopped. Of a key that was never charged it leaves
// a tombstone.
//
//   - problem.RefundRefused: the provider refuses for good. The shop still has the
//     money; the same request again asks the provider anew.
//   - problem.KeyReused: the key is that of an agreed refund.
//   - problem.Unavailable and problem.Timeout: the provider gave no answer.
func (s *Service) Refund(ctx context.Context, request payment.RefundRequest) error {
	release, err := s.locks.Lock(ctx, request.Key)
	if err != nil {
		return err
	}
	defer release()

	if err := s.close(ctx, request); err != nil {
		return err
	}
	return s.giveAllBack(ctx, request.Key)
}

// close closes the key for good, and the charge under it if there is one.
func (s *Service) close(ctx context.Context, request payment.RefundRequest) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now := s.now()
		seen, err := fence.Compensate(ctx, tx, request.Key, now)
		if err != nil || seen.State == fence.Unknown || seen.State == fence.Compensated {
			return err
		}
		c, err := findCharge(ctx, tx, request.Key)
		if errors.Is(err, errNoCharge) {
			return problem.New(problem.KeyReused, "the key was used for a refund, which is not undone")
		}
		if err != nil {
			return err
		}
		c.closedAt, c.closingReason, c.updatedAt = now, request.Reason, now
		return updateCharge(ctx, tx, c)
	})
}

// giveAllBack gives back what is left of a closed charge. Of any other key it
// does nothing.
//
// Agreed refunds that are under way are brought to their end too, and what they
// fail to give back is left again. That ends: a closed charge admits no new
// ones.
func (s *Service) giveAllBack(ctx context.Context, key fence.Key) error {
	if err := s.void(ctx, key); err != nil {
		return err
	}
	for {
		under, fresh, err := s.requestRest(ctx, key)
		if err != nil || len(under) == 0 {
			return err
		}
		for _, r := range under {
			r, err := s.finish(ctx, r, r.id == fresh)
			if err != nil {
				return err
			}
			// What an earlier attempt was refused is no answer to this one.
			if err := r.refusal(); err != nil && r.id == fresh {
				return err
			}
		}
	}
}

// void finds out what has become of a closed charge whose outcome is not known,
// and keeps it from being captured.
func (s *Service) void(ctx context.Context, key fence.Key) error {
	c, err := findCharge(ctx, s.db.Reader(), key)
	if errors.Is(err, errNoCharge) {
		return nil // a tombstone
	}
	if err != nil || !c.closed() || c.state != pending {
		return err
	}
	outcome, err := s.provider.Void(ctx, key.String())
	if err != nil {
		return unanswered(err)
	}
	return s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now := s.now()
		c, err := findCharge(ctx, tx, key)
		if err != nil || c.state != pending {
			return err
		}
		if err := c.learn(outcome); err != nil {
			return err
		}
		c.updatedAt = now
		if err := updateCharge(ctx, tx, c); err != nil || c.state != captured {
			return err
		}
		// The answer to the capture was lost. This is the first that the ledger
		// hears of it: it still shows the money going both ways.
		return bookCapture(ctx, tx, c, now)
	})
}

// learn moves a pending charge to where it stands at the provider. Money that
// is back there already is captured here until its refund is found there.
func (c *charge) learn(outcome provider.Charge) error {
	switch {
	case (outcome.State == provider.Captured || outcome.State == provider.Refunded) && outcome.Amount == c.amount:
		c.state, c.reference = captured, outcome.Reference
	case outcome.State == provider.Declined:
		c.state, c.reason = declined, outcome.Reason
	case outcome.State == provider.Voided:
		c.state = void
	default:
		return fmt.Errorf("the provider says that %s of %s is %q, but it is of %s here",
			outcome.Amount, c.key, outcome.State, c.amount)
	}
	return nil
}

// requestRest records that what is left of a closed charge must go back, and
// returns all its refunds that are under way. fresh is the ID of the one that
// was not requested before, if there is one.
func (s *Service) requestRest(ctx context.Context, key fence.Key) (under []refund, fresh string, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		under, fresh = nil, ""
		c, err := findCharge(ctx, tx, key)
		if errors.Is(err, errNoCharge) {
			return nil
		}
		if err != nil || !c.closed() || c.state != captured {
			return err
		}
		under = c.openRefunds()
		// A charge of nothing goes back too, once.
		if left := c.left(); left.IsZero() && (len(under) > 0 || !c.amount.IsZero()) {
			return nil
		}
		rest := c.restRefund(s.now())
		under, fresh = append(under, rest), rest.id
		return insertRefund(ctx, tx, rest)
	})
	return under, fresh, err
}

// restRefund is the compensation's next refund, of all that is left.
func (c charge) restRefund(now time.Time) refund {
	attempt := 1
	for _, r := range c.refunds {
		if r.kind == payment.Compensation {
			attempt++
		}
	}
	return refund{
		id: refundID(c.key, attempt), key: c.key, charge: c.key, kind: payment.Compensation, state: payment.RefundRequested,
		amount: c.left(), reason: c.closingReason, requestedAt: now,
	}
}
