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
// when the provider has said that nothing captured under the key is left. It
// may be repeated, and goes on where the last attempt stopped. Of a key that
// was never charged it leaves a tombstone. problem.Unavailable and
// problem.Timeout: the provider gave no answer; the refund stays requested.
func (s *Service) Refund(ctx context.Context, request payment.RefundRequest) error {
	release, err := s.locks.Lock(ctx, request.Key)
	if err != nil {
		return err
	}
	defer release()

	open, err := s.requestRefund(ctx, request)
	if err != nil || !open {
		return err
	}
	return s.giveBack(ctx, request.Key)
}

// requestRefund closes the key and records that its money must go back. open
// is false when there is nothing to do at the provider: the key was never
// charged, was declined, or its refund is settled.
func (s *Service) requestRefund(ctx context.Context, request payment.RefundRequest) (open bool, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		open = false
		now := s.now()
		seen, err := fence.Compensate(ctx, tx, request.Key, now)
		if err != nil || seen.State == fence.Unknown {
			return err
		}
		c, err := findCharge(ctx, tx, request.Key)
		if errors.Is(err, errNoCharge) && seen.State == fence.Compensated {
			return nil // a tombstone
		}
		if err != nil {
			return err
		}
		switch c.refund {
		case requested:
			open = true
		case notRequested:
			if c.state == declined {
				return nil
			}
			open = true
			return insertRefund(ctx, tx, request.Key, request.Reason, now)
		case settled:
		}
		return nil
	})
	return open, err
}

// giveBack finishes a refund that was requested: it asks the provider and then
// records what came of it. Without a requested refund it records nothing.
func (s *Service) giveBack(ctx context.Context, key fence.Key) error {
	outcome, err := s.provider.Refund(ctx, key.String())
	if err != nil {
		return unanswered(err)
	}
	return s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		c, err := findCharge(ctx, tx, key)
		if err != nil || c.refund != requested {
			return err
		}
		return settle(ctx, tx, c, outcome, s.now())
	})
}

// settle records the provider's answer to the refund of c.
func settle(ctx context.Context, tx *sql.Tx, c charge, outcome provider.Charge, now time.Time) error {
	before := c.state
	if err := c.undo(outcome); err != nil {
		return err
	}
	c.updatedAt = now
	if err := updateCharge(ctx, tx, c); err != nil {
		return err
	}
	if c.state != refunded {
		return settleRefund(ctx, tx, c.key, 0, now)
	}
	// When the answer to the capture was lost, this is the first that the
	// ledger hears of it: it still shows the money going both ways.
	if before == pending {
		if err := bookCapture(ctx, tx, c, now); err != nil {
			return err
		}
	}
	if err := bookRefund(ctx, tx, c, now); err != nil {
		return err
	}
	return settleRefund(ctx, tx, c.key, c.amount.Amount, now)
}

// undo moves a charge to what the provider answered to its refund. An answer
// that contradicts what it said before is an error: somebody must look.
func (c *charge) undo(outcome provider.Charge) error {
	switch {
	case outcome.State == provider.Captured:
		return problem.New(problem.Unavailable, "the payment provider has not given the money back yet")
	case outcome.State == provider.Refunded && outcome.Amount == c.amount:
		c.state, c.reference = refunded, outcome.Reference
	case outcome.State == provider.Declined && c.state == pending:
		c.state, c.reason = declined, outcome.Reason
	case outcome.State == provider.Voided && c.state == pending:
		c.state = void
	default:
		return fmt.Errorf("the provider says that %s of %s is %s, but it is %s with %s here",
			outcome.Amount, c.key, outcome.State, c.state, c.amount)
	}
	return nil
}
