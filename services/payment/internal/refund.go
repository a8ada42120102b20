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
	"orderflow/services/money"
	"orderflow/services/payment"
	"orderflow/services/payment/internal/provider"
)

// refund is one amount of a charge that goes back, or went back.
type refund struct {
	// id is also the provider's idempotency key, and the ID of the ledger's
	// transaction.
	id string
	// key is that of the request: of a compensation the charge's, of an agreed
	// refund its own.
	key    fence.Key
	charge fence.Key
	kind   payment.RefundKind
	state  payment.RefundState
	amount money.Money
	reason string
	// reference is the provider's, failure is why it refused.
	reference, failure               string
	requestedAt, settledAt, failedAt time.Time
}

// refundID names the refund that the request of the key takes, and from the
// second attempt on which one it is.
func refundID(key fence.Key, attempt int) string {
	if attempt == 1 {
		return key.String() + "/refund"
	}
	return fmt.Sprintf("%s/refund/%d", key, attempt)
}

func (r refund) view() payment.Refund {
	return payment.Refund{
		RefundID: r.id, OrderID: r.key.OrderID, Key: r.key, Kind: r.kind, State: r.state, Amount: r.amount,
		Reason: r.reason, Reference: r.reference, Failure: r.failure,
		RequestedAt: r.requestedAt, SettledAt: r.settledAt, FailedAt: r.failedAt,
	}
}

// refusal is nil unless the provider has refused the refund for good.
func (r refund) refusal() error {
	if r.state != payment.RefundFailed {
		return nil
	}
	return problem.Newf(problem.RefundRefused, "the payment provider refuses to give %s back: %s", r.amount, r.failure)
}

// sum adds up the charge's refunds in a state.
func (c charge) sum(state payment.RefundState) int64 {
	var sum int64
	for _, r := range c.refunds {
		if r.state == state {
			sum += r.amount.Amount
		}
	}
	return sum
}

// settled is what is back, the provider says.
func (c charge) settled() money.Money {
	return money.New(c.sum(payment.RefundSettled), c.amount.Currency)
}

// left is what was captured and is neither back nor on its way. What a failed
// refund has not given back is left again.
func (c charge) left() money.Money {
	return money.New(c.amount.Amount-c.sum(payment.RefundSettled)-c.sum(payment.RefundRequested), c.amount.Currency)
}

// closed reports whether the saga's compensation has come: no other refund is
// admitted then, and all that is left must go back.
func (c charge) closed() bool { return !c.closedAt.IsZero() }

// openRefunds are those that the provider has not decided.
func (c charge) openRefunds() (open []refund) {
	for _, r := range c.refunds {
		if r.state == payment.RefundRequested {
			open = append(open, r)
		}
	}
	return open
}

// refund returns the refund of the ID.
func (c charge) refund(id string) (refund, bool) {
	for _, r := range c.refunds {
		if r.id == id {
			return r, true
		}
	}
	return refund{}, false
}

// finish brings a refund that was requested to its end: it asks the provider
// and records what came of it. fresh says that the refund was requested just
// now, so that the provider cannot have heard of it. problem.Unavailable and
// problem.Timeout: there is no decision yet; the refund stays requested.
func (s *Service) finish(ctx context.Context, r refund, fresh bool) (refund, error) {
	if r.state != payment.RefundRequested {
		return r, nil
	}
	outcome, err := s.giveBack(ctx, r, fresh)
	if err != nil {
		return r, err
	}
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		c, err := findCharge(ctx, tx, r.charge)
		if err != nil {
			return err
		}
		stored, found := c.refund(r.id)
		if !found {
			return fmt.Errorf("recording the answer to the refund %s: it is gone", r.id)
		}
		if stored.state == payment.RefundRequested {
			if err := stored.take(outcome, s.now()); err != nil {
				return err
			}
			if err := conclude(ctx, tx, c, stored, s.now()); err != nil {
				return err
			}
		}
		r = stored
		return nil
	})
	return r, err
}

// giveBack asks the provider, which cannot have heard of a fresh refund.
func (s *Service) giveBack(ctx context.Context, r refund, fresh bool) (provider.Refund, error) {
	outcome, err := outside.Ask(!fresh, provider.ErrUnknownKey,
		func() (provider.Refund, error) { return s.provider.LookupRefund(ctx, r.id) },
		func() (provider.Refund, error) {
			return s.provider.Refund(ctx, provider.RefundRequest{Key: r.id, ChargeKey: r.charge.String(), Amount: r.amount})
		})
	if errors.Is(err, provider.ErrUnknownKey) {
		return provider.Refund{}, fmt.Errorf("the provider does not know the charge %s any more: %w", r.charge, err)
	}
	if err != nil {
		return provider.Refund{}, unanswered(err)
	}
	return outcome, nil
}

// take moves a refund to what the provider answered. An answer about something
// else is an error: somebody must look.
func (r *refund) take(outcome provider.Refund, now time.Time) error {
	if outcome.Amount != r.amount {
		return fmt.Errorf("the provider says that the refund %s is of %s, but it is of %s here", r.id, outcome.Amount, r.amount)
	}
	switch outcome.State {
	case provider.RefundPending:
		return problem.New(problem.Unavailable, "the payment provider has not given the money back yet")
	case provider.RefundSettled:
		r.state, r.reference, r.settledAt = payment.RefundSettled, outcome.Reference, now
	case provider.RefundRefused:
		r.state, r.failure, r.failedAt = payment.RefundFailed, outcome.Reason, now
	default:
		return fmt.Errorf("the provider answered the unknown state %q for the refund %s", outcome.State, r.id)
	}
	return nil
}

// conclude records the end of a refund of c: its row, the ledger, the answer of
// its key, and that nothing of the charge is left.
func conclude(ctx context.Context, tx *sql.Tx, c charge, r refund, now time.Time) error {
	if err := updateRefund(ctx, tx, r); err != nil {
		return err
	}
	if r.kind == payment.Agreed {
		if err := fence.Confirm(ctx, tx, r.key, r.view(), now); err != nil {
			return err
		}
	}
	if r.state != payment.RefundSettled {
		return nil
	}
	if err := bookRefund(ctx, tx, r, now); err != nil {
		return err
	}
	if c.settled().Amount+r.amount.Amount < c.amount.Amount {
		return nil
	}
	c.state, c.updatedAt = refunded, now
	return updateCharge(ctx, tx, c)
}
