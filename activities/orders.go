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
func (a *Orders) CreateOrder(ctx context.Context, request order.CreateRequest) (order.Acknowledgement, error) {
	return attempt(ctx, request.Key, func(ctx context.Context) (order.Acknowledgement, error) {
		return a.Client.Create(ctx, request)
	})
}

// ConfirmOrder records that the order is reserved and paid.
func (a *Orders) ConfirmOrder(ctx context.Context, request order.ConfirmRequest) (order.Acknowledgement, error) {
	return attempt(ctx, request.Key, func(ctx context.Context) (order.Acknowledgement, error) {
		return a.Client.Confirm(ctx, request)
	})
}

// CompleteOrder records that the order has left, with the saga's outcome.
func (a *Orders) CompleteOrder(ctx context.Context, request order.ShipRequest) (order.Acknowledgement, error) {
	return attempt(ctx, request.Key, func(ctx context.Context) (order.Acknowledgement, error) {
		return a.Client.Ship(ctx, request)
	})
}

// CancelOrder undoes CreateOrder, with the saga's outcome.
func (a *Orders) CancelOrder(ctx context.Context, request order.CancelRequest) (order.Acknowledgement, error) {
	return attempt(ctx, request.Key, func(ctx context.Context) (order.Acknowledgement, error) {
		return a.Client.Cancel(ctx, request)
	})
}
