package activities

import (
	"context"

	"orderflow/internal/problem"
	"orderflow/services/payment"
)

// Payment are the steps at the payment service, and a question to it.
type Payment struct {
	Client *payment.Client
}

// ChargePayment captures the order's total.
func (a *Payment) ChargePayment(ctx context.Context, request payment.ChargeRequest) error {
	return attemptOnly(ctx, request.Key, func(ctx context.Context) error {
		_, err := a.Client.Charge(ctx, request)
		return err
	})
}

// RefundPayment undoes ChargePayment.
func (a *Payment) RefundPayment(ctx context.Context, request payment.RefundRequest) error {
	return undo(ctx, request.Key, func(ctx context.Context) error {
		return a.Client.Refund(ctx, request)
	})
}

// FindPayment returns what is known of an order's money, and the zero value
// when nothing is. It takes the key of ChargePayment.
func (a *Payment) FindPayment(ctx context.Context, key payment.Key) (payment.Payment, error) {
	return attempt(ctx, key, func(ctx context.Context) (payment.Payment, error) {
		found, err := a.Client.Payment(ctx, key.OrderID)
		if problem.CodeOf(err) == problem.NotFound {
			return payment.Payment{}, nil
		}
		return found, err
	})
}
