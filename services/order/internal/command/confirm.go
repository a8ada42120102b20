package command

import (
	"context"
	"time"

	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
)

// ConfirmOrder confirms drafts.
type ConfirmOrder struct{ orders orders }

// NewConfirmOrder returns the handler.
func NewConfirmOrder(cfg Config) *ConfirmOrder { return &ConfirmOrder{orders{cfg}} }

// Handle records that the draft is reserved and paid. Errors: problem.Invalid;
// problem.NotFound; problem.Conflict when the order is no draft; the refusals
// of fence.Act.
func (h *ConfirmOrder) Handle(ctx context.Context, request order.ConfirmRequest) (order.Acknowledgement, error) {
	if err := request.Key.Validate(); err != nil {
		return order.Acknowledgement{}, err
	}
	return h.orders.act(ctx, request.Key, confirmation{}, func(current domain.Order, now time.Time) ([]domain.Event, error) {
		return one(current.Confirm(now))
	})
}

// confirmation is the body of every confirmation: there is nothing to say.
type confirmation struct{}
