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
	"orderflow/services/payment"
	"orderflow/services/payment/internal/provider"
)

// Service holds the rules of charges and refunds.
type Service struct {
	db       *sqlstore.DB
	provider Provider
	now      func() time.Time
	locks    fence.Locks
}

// NewService returns a service over an opened database and a provider.
func NewService(db *sqlstore.DB, provider Provider, now func() time.Time) *Service {
	return &Service{db: db, provider: provider, now: now}
}

// Charge captures the amount. An equal request again gets the first answer
// again, a refusal included. Beside the errors of fence.Begin:
//
//   - problem.PaymentDeclined, with the provider's reason: nothing is captured;
//   - problem.Conflict: another charge of the order holds its money;
//   - problem.InFlight: the outcome of another charge of the order is not
//     known yet;
//   - problem.Unavailable and problem.Timeout: the provider gave no answer. The
//     money may have moved; the same request again finds out.
func (s *Service) Charge(ctx context.Context, request payment.ChargeRequest) (payment.Payment, error) {
	answer, err := outside.Act(ctx, &s.locks, request.Key, outside.Effect[provider.Charge, payment.Payment]{
		Begin: func(ctx context.Context) (fence.Seen, error) { return s.begin(ctx, request) },
		Ask: func(ctx context.Context, asked bool) (provider.Charge, error) {
			return s.capture(ctx, request, asked)
		},
		Record: func(ctx context.Context, outcome provider.Charge) (payment.Payment, error) {
			return s.record(ctx, request, outcome)
		},
		Undo: func(ctx context.Context) error { return s.giveAllBack(ctx, request.Key) },
	})
	if err != nil {
		return payment.Payment{}, err
	}
	return refuseDeclined(answer)
}

// begin records that the provider may be asked from now on.
func (s *Service) begin(ctx context.Context, request payment.ChargeRequest) (seen fence.Seen, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		now := s.now()
		seen, err = fence.Begin(ctx, tx, request.Key, request, now)
		if err != nil || seen.State != fence.Unknown {
			return err
		}
		charges, err := chargesOf(ctx, tx, request.Key.OrderID)
		if err != nil {
			return err
		}
		if err := refuseSecond(charges, request); err != nil {
			return err
		}
		return insertCharge(ctx, tx, charge{
			key: request.Key, customerID: request.CustomerID, amount: request.Amount, method: request.Method,
			state: pending, updatedAt: now,
		})
	})
	return seen, err
}

// refuseSecond keeps an order from paying twice under two keys.
func refuseSecond(charges []charge, request payment.ChargeRequest) error {
	for _, other := range charges {
		switch {
		case other.state == pending:
			return problem.New(problem.InFlight, "the outcome of another charge of this order is not known yet")
		case other.state == captured:
			return problem.New(problem.Conflict, "another charge of this order has been captured")
		case other.amount.Currency != request.Amount.Currency:
			return problem.New(problem.Conflict, "another charge of this order was in another currency")
		}
	}
	return nil
}

// capture asks the provider; asked says that it may have been asked before.
func (s *Service) capture(ctx context.Context, request payment.ChargeRequest, asked bool) (provider.Charge, error) {
	key := request.Key.String()
	outcome, err := outside.Ask(asked, provider.ErrUnknownKey,
		func() (provider.Charge, error) { return s.provider.Lookup(ctx, key) },
		func() (provider.Charge, error) {
			return s.provider.Capture(ctx, provider.Request{
				Key: key, OrderID: request.Key.OrderID, CustomerID: request.CustomerID,
				Amount: request.Amount, Method: request.Method,
			})
		})
	if err != nil {
		return provider.Charge{}, unanswered(err)
	}
	return outcome, nil
}

// record stores the provider's answer as the answer of the key.
// problem.AlreadyCompensated when the compensation came first.
func (s *Service) record(ctx context.Context, request payment.ChargeRequest, outcome provider.Charge) (answer payment.Payment, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		now := s.now()
		c, err := findCharge(ctx, tx, request.Key)
		if err != nil {
			return err
		}
		if err := c.take(outcome); err != nil {
			return err
		}
		c.updatedAt = now
		if answer, _, err = paymentOf(request.Key.OrderID, []charge{c}); err != nil {
			return err
		}
		if err := fence.Confirm(ctx, tx, request.Key, answer, now); err != nil {
			return err
		}
		if err := updateCharge(ctx, tx, c); err != nil || c.state != captured {
			return err
		}
		return bookCapture(ctx, tx, c, now)
	})
	return answer, err
}

// take moves a charge to what the provider answered to its capture.
func (c *charge) take(outcome provider.Charge) error {
	switch outcome.State {
	case provider.Captured:
		if outcome.Amount != c.amount {
			return fmt.Errorf("the provider captured %s for %s, not %s", outcome.Amount, c.key, c.amount)
		}
		c.state, c.reference = captured, outcome.Reference
		return nil
	case provider.Declined:
		c.state, c.reason = declined, outcome.Reason
		return nil
	case provider.Refunded, provider.Voided:
		return problem.New(problem.AlreadyCompensated, "the charge has already been undone at the payment provider")
	default:
		return fmt.Errorf("the provider answered the unknown state %q for %s", outcome.State, c.key)
	}
}

// unanswered says that the provider's answer is missing.
func unanswered(err error) error {
	switch {
	case errors.Is(err, provider.ErrKeyReused):
		return problem.New(problem.KeyReused, "the payment provider knows this request with other details").WithCause(err)
	case errors.Is(err, context.DeadlineExceeded):
		return problem.New(problem.Timeout, "the payment provider did not answer in time").WithCause(err)
	default:
		return problem.New(problem.Unavailable, "the payment provider gave no answer").WithCause(err)
	}
}
