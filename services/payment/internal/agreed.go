package internal

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"orderflow/internal/fence"
	"orderflow/internal/problem"
	"orderflow/services/payment"
)

// RefundAgreed gives a part of an order's money back, or all that is left of
// it, and returns only when the provider has said so. An equal request again
// gets the first answer again, the provider's refusal included. Beside the
// errors of fence.Begin:
//
//   - problem.Conflict: nothing was captured for the order, or less than the
//     amount is left;
//   - problem.RefundRefused: the provider refuses for good;
//   - problem.Invalid: the charge is in another currency;
//   - problem.AlreadyCompensated: the saga has undone the charge;
//   - problem.InFlight: the outcome of the charge is not known yet;
//   - problem.Unavailable and problem.Timeout: the provider gave no answer. The
//     refund stays requested, and the same request again goes on with it.
func (s *Service) RefundAgreed(ctx context.Context, request payment.AgreedRefundRequest) (payment.Refund, error) {
	release, err := s.locks.Lock(ctx, request.Key)
	if err != nil {
		return payment.Refund{}, err
	}
	defer release()

	agreed, fresh, err := s.agree(ctx, request)
	if err != nil {
		return payment.Refund{}, err
	}
	if agreed, err = s.finish(ctx, agreed, fresh); err != nil {
		return payment.Refund{}, err
	}
	if err := agreed.refusal(); err != nil {
		return payment.Refund{}, err
	}
	return agreed.view(), nil
}

// agree records the refund, or finds it when the request came before.
func (s *Service) agree(ctx context.Context, request payment.AgreedRefundRequest) (agreed refund, fresh bool, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now := s.now()
		seen, err := fence.Begin(ctx, tx, request.Key, request, now)
		if err != nil {
			return err
		}
		charges, err := chargesOf(ctx, tx, request.Key.OrderID)
		if err != nil {
			return err
		}
		if fresh = seen.State == fence.Unknown; !fresh {
			agreed, err = findAgreed(charges, request.Key)
			return err
		}
		c, err := refundable(charges)
		if err != nil {
			return err
		}
		if agreed, err = c.agree(request, now); err != nil {
			return err
		}
		return insertRefund(ctx, tx, agreed)
	})
	return agreed, fresh, err
}

func findAgreed(charges []charge, key fence.Key) (refund, error) {
	for _, c := range charges {
		if found, ok := c.refund(refundID(key, 1)); ok {
			return found, nil
		}
	}
	return refund{}, fmt.Errorf("going on with the refund of %s: it is gone", key)
}

// refundable returns the charge that holds the order's money. Of several
// charges that do not, the last one says why there is none.
func refundable(charges []charge) (charge, error) {
	refusal := problem.New(problem.Conflict, "nothing was captured for this order")
	for _, c := range charges {
		switch {
		case c.closed():
			refusal = problem.New(problem.AlreadyCompensated, "the charge of this order has been undone")
		case c.state == captured:
			return c, nil
		case c.state == pending:
			refusal = problem.New(problem.InFlight, "the outcome of the charge of this order is not known yet")
		case c.state == refunded:
			refusal = problem.New(problem.Conflict, "all that was captured for this order is back").
				WithField(amountPointer, "must not exceed what is left of the charge")
		}
	}
	return charge{}, refusal
}

const amountPointer = "/amount/amount"

// agree makes a refund of a part of the charge.
func (c charge) agree(request payment.AgreedRefundRequest, now time.Time) (refund, error) {
	left := c.left()
	if request.Amount.Currency != left.Currency {
		return refund{}, problem.New(problem.Invalid, "the charge is in another currency").
			WithField("/amount/currency", "must be "+left.Currency)
	}
	if request.Amount.Amount > left.Amount {
		return refund{}, problem.Newf(problem.Conflict, "only %s of the charge is left", left).
			WithField(amountPointer, "must not exceed what is left of the charge")
	}
	return refund{
		id: refundID(request.Key, 1), key: request.Key, charge: c.key, kind: payment.Agreed, state: payment.RefundRequested,
		amount: request.Amount, reason: request.Reason, requestedAt: now,
	}, nil
}
