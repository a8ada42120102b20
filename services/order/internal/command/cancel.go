package command

import (
	"context"
	"time"

	"orderflow/internal/validate"
	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
)

const maxOperatorLength = 200

// CancelOrder undoes CreateOrder, whether or not it has happened.
type CancelOrder struct{ orders orders }

// NewCancelOrder returns the handler.
func NewCancelOrder(cfg Config) *CancelOrder { return &CancelOrder{orders{cfg}} }

// Handle cancels a draft or a confirmed order. An order that is cancelled
// already stays as it is, and the answer is the same again. An unknown order is
// created and cancelled at once, so that an accepted order never vanishes; the
// fence refuses a creation that arrives later.
//
// Errors: problem.Invalid; problem.TooLate when the order has shipped.
func (h *CancelOrder) Handle(ctx context.Context, request order.CancelRequest) (order.Acknowledgement, error) {
	placement, err := checkedPlacement(request.Key, request.Placement)
	if err != nil {
		return order.Acknowledgement{}, err
	}
	cancellation, err := domain.NewCancellation(request.Reason, request.Saga)
	if err != nil {
		return order.Acknowledgement{}, unacceptable("", err)
	}
	fields := validate.New()
	fields.Text("/operator", request.Operator, 0, maxOperatorLength)
	if err := fields.Err(); err != nil {
		return order.Acknowledgement{}, err
	}
	return h.orders.compensate(ctx, request.Key, request.Operator, func(current domain.Order, _ time.Time) ([]domain.Event, error) {
		switch {
		case !current.Exists():
			return createAndCancel(current, placement, cancellation)
		case current.Status() == order.Cancelled:
			return nil, nil
		default:
			return one(current.Cancel(cancellation))
		}
	})
}

func createAndCancel(current domain.Order, placement domain.Placement, cancellation domain.Cancellation) ([]domain.Event, error) {
	created, err := current.Create(placement)
	if err != nil {
		return nil, err
	}
	draft, err := current.Evolve(created)
	if err != nil {
		return nil, err
	}
	cancelled, err := draft.Cancel(cancellation)
	if err != nil {
		return nil, err
	}
	return []domain.Event{created, cancelled}, nil
}
