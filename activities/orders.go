package activities

import (
	"context"

	"orderflow/services/order"
)

// Orders are the steps at the order service.
type Orders struct {
	Client *order.Client
}

// CreateOrder records the order as a draft.
func (a *Orders) CreateOrder(ctx context.Context, request order.CreateRequest) error {
	return attemptOnly(ctx, request.Key, func(ctx context.Context) error {
		_, err := a.Client.Create(ctx, request)
		return err
	})
}

// ConfirmOrder records that the order is reserved and paid.
func (a *Orders) ConfirmOrder(ctx context.Context, request order.ConfirmRequest) error {
	return attemptOnly(ctx, request.Key, func(ctx context.Context) error {
		_, err := a.Client.Confirm(ctx, request)
		return err
	})
}

// CompleteOrder records that the order has left, with the saga's outcome.
func (a *Orders) CompleteOrder(ctx context.Context, request order.ShipRequest) error {
	return attemptOnly(ctx, request.Key, func(ctx context.Context) error {
		_, err := a.Client.Ship(ctx, request)
		return err
	})
}

// CancelOrder undoes CreateOrder, with the saga's outcome.
func (a *Orders) CancelOrder(ctx context.Context, request order.CancelRequest) error {
	return attemptOnly(ctx, request.Key, func(ctx context.Context) error {
		_, err := a.Client.Cancel(ctx, request)
		return err
	})
}
