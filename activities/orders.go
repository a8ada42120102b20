package activities

import (
	"context"
	"errors"
	"fmt"

	"orderflow/internal/problem"
	"orderflow/services/order"
)

// errNotCreatedYet says that there is no order yet that could keep a decision.
var errNotCreatedYet = errors.New("the order is not created yet")

// Orders are the steps at the order service, and the record of what people
// decided about the others.
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
	return undo(ctx, request.Key, func(ctx context.Context) error {
		_, err := a.Client.Cancel(ctx, request)
		return err
	})
}

// RecordIntervention keeps what a person decided in the order's event stream.
// It is no step of the saga, and nothing undoes it. The order may not exist yet
// when it is put on hold while it is being created; that is expected, and
// retried.
func (a *Orders) RecordIntervention(ctx context.Context, request order.InterventionRequest) error {
	return attemptOnly(ctx, request.Key, func(ctx context.Context) error {
		_, err := a.Client.RecordIntervention(ctx, request)
		if problem.CodeOf(err) == problem.NotFound {
			err = fmt.Errorf("%w: %w", errNotCreatedYet, err)
		}
		return err
	})
}
