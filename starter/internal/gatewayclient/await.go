package gatewayclient

import (
	"context"
	"errors"
	"fmt"

	"orderflow/internal/problem"
)

// NotEndedError says that an order was accepted and had not come to its end when
// the caller's time was up. The order goes on without the caller.
type NotEndedError struct {
	OrderID string
	Err     error
}

// Error names the order and what ended the waiting.
func (e *NotEndedError) Error() string {
	return fmt.Sprintf("order %s was accepted and has not come to its end: %v", e.OrderID, e.Err)
}

// Unwrap returns what ended the waiting: the context's error, or the last
// failure to read the order.
func (e *NotEndedError) Unwrap() error { return e.Err }

// Place places an order, again and again until the gateway gives an answer or
// the context ends. The options must have an idempotency key, because the
// order may exist after an attempt that had no answer.
func (c *Client) Place(ctx context.Context, placement Placement, options PlaceOptions, b Backoff) (Placed, error) {
	if options.IdempotencyKey == "" {
		return Placed{}, errors.New("placing an order repeatedly needs an idempotency key")
	}
	var placed Placed
	err := Retry(ctx, b, func(ctx context.Context) (err error) {
		placed, err = c.PlaceOrder(ctx, placement, options)
		return err
	})
	return placed, err
}

// AwaitRest reads an accepted order, as often as b says, until it has come to
// its end or goes on only when somebody acts: it is blocked, or waits for the
// customer (see Order.WaitingStep). The error is a *NotEndedError when the context
// ends before that, and final otherwise.
func (c *Client) AwaitRest(ctx context.Context, placed Placed, b Backoff) (Order, error) {
	if placed.Order != nil && placed.Order.rests() {
		return *placed.Order, nil
	}
	intervals := b.intervals()
	for {
		var order Order
		err := Retry(ctx, b, func(ctx context.Context) (err error) {
			order, err = c.Order(ctx, placed.OrderID)
			return err
		})
		switch {
		case err == nil && order.rests():
			return order, nil
		case err == nil:
		case ctx.Err() != nil:
			return Order{}, &NotEndedError{OrderID: placed.OrderID, Err: ctx.Err()}
		case Temporary(err):
			return Order{}, &NotEndedError{OrderID: placed.OrderID, Err: err}
		case problem.CodeOf(err) == problem.NotFound:
			// It was accepted, so it exists: its reading may be late.
		default:
			return Order{}, err
		}
		if err := Sleep(ctx, intervals.NextBackOff()); err != nil {
			return Order{}, &NotEndedError{OrderID: placed.OrderID, Err: err}
		}
	}
}

func (o Order) rests() bool {
	_, waits := o.WaitingStep()
	return waits || o.Ended() || o.Blocked()
}
