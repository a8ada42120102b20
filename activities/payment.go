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
func (a *Payment) ChargePayment(ctx context.Context, request payment.ChargeRequest) error {
	return attemptOnly(ctx, request.Key, func(ctx context.Context) error {
		_, err := a.Client.Charge(ctx, request)
		return err
	})
}

// RefundPayment undoes ChargePayment.
func (a *Payment) RefundPayment(ctx context.Context, request payment.RefundRequest) error {
	return attemptOnly(ctx, request.Key, func(ctx context.Context) error {
		return a.Client.Refund(ctx, request)
	})
}
