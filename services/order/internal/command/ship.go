package command

import (
	"context"
	"time"

	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
)

// ShipOrder completes confirmed orders.
type ShipOrder struct{ orders orders }

// NewShipOrder returns the handler.
func NewShipOrder(cfg Config) *ShipOrder { return &ShipOrder{orders{cfg}} }

// Handle records that the order has left, and the outcome of its saga. Errors:
// problem.Invalid; problem.NotFound; problem.Conflict when the order is not
// confirmed; the refusals of fence.Act.
func (h *ShipOrder) Handle(ctx context.Context, request order.ShipRequest) (order.Acknowledgement, error) {
	if err := request.Key.Validate(); err != nil {
		return order.Acknowledgement{}, err
	}
	shipment, err := domain.NewShipment(request.TrackingNumber, request.Carrier, request.Saga)
	if err != nil {
		return order.Acknowledgement{}, unacceptable("", err)
	}
	body := parcel{TrackingNumber: request.TrackingNumber, Carrier: request.Carrier}
	return h.orders.act(ctx, request.Key, body, func(current domain.Order, _ time.Time) ([]domain.Event, error) {
		return one(current.Ship(shipment))
	})
}

// parcel is what an equal key must come with. The saga's outcome is not part of
// it: a retry may report its steps differently and is the same effect still.
type parcel struct {
	TrackingNumber string
	Carrier        string
}
