package activities

import (
	"context"

	"orderflow/services/shipping"
)

// Shipping are the steps at the shipping service.
type Shipping struct {
	Client *shipping.Client
}

// ShipOrder hands the order to the carrier.
func (a *Shipping) ShipOrder(ctx context.Context, request shipping.ShipRequest) (shipping.Shipment, error) {
	return attempt(ctx, request.Key, func(ctx context.Context) (shipping.Shipment, error) {
		return a.Client.Ship(ctx, request)
	})
}

// CancelShipment undoes ShipOrder.
func (a *Shipping) CancelShipment(ctx context.Context, request shipping.CancelRequest) error {
	return attemptOnly(ctx, request.Key, func(ctx context.Context) error {
		return a.Client.Cancel(ctx, request)
	})
}
