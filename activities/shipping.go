package activities

import (
	"context"

	"orderflow/internal/problem"
	"orderflow/services/shipping"
)

// Shipping are the steps at the shipping service, and a question to it.
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
	return undo(ctx, request.Key, func(ctx context.Context) error {
		return a.Client.Cancel(ctx, request)
	})
}

// FindShipment returns the shipment of an order, and the zero value when there
// is none. It takes the key of ShipOrder.
func (a *Shipping) FindShipment(ctx context.Context, key shipping.Key) (shipping.Shipment, error) {
	return attempt(ctx, key, func(ctx context.Context) (shipping.Shipment, error) {
		found, err := a.Client.Shipment(ctx, key.OrderID)
		if problem.CodeOf(err) == problem.NotFound {
			return shipping.Shipment{}, nil
		}
		return found, err
	})
}
