package command

import (
	"context"
	"time"

	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
)

// CreateOrder records new drafts.
type CreateOrder struct{ orders orders }

// NewCreateOrder returns the handler.
func NewCreateOrder(cfg Config) *CreateOrder { return &CreateOrder{orders{cfg}} }

// Handle records the placement as a draft. Errors: problem.Invalid;
// problem.Conflict when the order exists under another key; the refusals of
// fence.Act.
func (h *CreateOrder) Handle(ctx context.Context, request order.CreateRequest) (order.Acknowledgement, error) {
	placement, err := checkedPlacement(request.Key, request.Placement)
	if err != nil {
		return order.Acknowledgement{}, err
	}
	// The same request, accepted again after Temporal has forgotten the first,
	// differs in nothing but its moment.
	body := request.Placement
	body.AcceptedAt = time.Time{}
	return h.orders.act(ctx, request.Key, body, func(current domain.Order, _ time.Time) ([]domain.Event, error) {
		return one(current.Create(placement))
	})
}

// checkedPlacement checks the key, the placement, and that they name one order.
func checkedPlacement(key order.Key, placement order.Placement) (domain.Placement, error) {
	if err := key.Validate(); err != nil {
		return domain.Placement{}, err
	}
	checked, err := domain.NewPlacement(placement)
	if err != nil {
		return domain.Placement{}, unacceptable("/placement", err)
	}
	if placement.OrderID != key.OrderID {
		return domain.Placement{}, problem.New(problem.Invalid, "key and placement name two orders").
			WithField("/placement/orderId", "must be the order of the key")
	}
	return checked, nil
}
