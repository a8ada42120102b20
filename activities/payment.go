package activities

import (
	"context"

	"orderflow/services/payment"
)

// Payment are the steps at the payment service.
type Payment struct {
	Client *payment.Client
}

// ChargePayment captures the order's total.
func (a *Payment) ChargePayment(ctx context.Context, request payment.ChargeRequest) (payment.Payment, error) {
	return attempt(ctx, request.Key, func(ctx context.Context) (payment.Payment, error) {
		return a.Client.Charge(ctx, request)
	})
}

// RefundPayment undoes ChargePayment.
func (a *Payment) RefundPayment(ctx context.Context, request payment.RefundRequest) error {
	return attemptOnly(ctx, request.Key, func(ctx context.Context) error {
		return a.Client.Refund(ctx, request)
	})
}
