package importer

import (
	"context"
	"errors"
	"time"

	"orderflow/starter/internal/dataset"
	"orderflow/starter/internal/gatewayclient"
	"orderflow/starter/internal/narrate"
)

// order places an order and waits until it rests: at its end, or until somebody
// acts.
func (r *run) order(ctx context.Context, at Place, order *dataset.Order) {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Deadline)
	defer cancel()

	submitted := time.Now()
	view, err := r.placeAndAwait(ctx, order)
	if err != nil {
		r.checkToken(err)
		r.tally.orderFailed(err)
		r.reportFailure(at, order, err)
		return
	}
	ended := orderEnd{
		at:       at,
		line:     order,
		order:    view,
		took:     time.Since(submitted),
		placedBy: r.placedBy(view),
	}
	mismatch := r.tally.orderEnded(ended)
	switch {
	case mismatch != nil:
		r.report(at, "%s: %s", order.Label(), mismatch)
	case view.Blocked():
		r.report(at, "%s is blocked and waits for an operator (%s)", order.Label(), view.OrderID)
	case waits(view):
		r.report(at, "%s %s (%s)", order.Label(), narrate.Outcome(view), view.OrderID)
	default:
		r.advance()
	}
}

func (r *run) placeAndAwait(ctx context.Context, order *dataset.Order) (gatewayclient.Order, error) {
	placed, err := r.cfg.Gateway.Place(ctx, order.Placement(), gatewayclient.PlaceOptions{
		IdempotencyKey: order.Reference,
		Wait:           gatewayclient.FirstLook,
	}, r.cfg.Backoff)
	if err != nil {
		return gatewayclient.Order{}, err
	}
	return r.cfg.Gateway.AwaitRest(ctx, placed, r.cfg.Backoff)
}

// waits reports whether the order waits for its customer.
func waits(order gatewayclient.Order) bool {
	_, waits := order.WaitingStep()
	return waits && !order.Blocked()
}

// placedBy tells an order of this import from one that was there. The gateway
// gives the same answer for both, so the order's own time decides.
func (r *run) placedBy(order gatewayclient.Order) origin {
	if order.CreatedAt.Before(r.ordersFrom) {
		return earlier
	}
	return thisImport
}

// beginOrders waits until the gateway's clock, which is read to the second,
// has moved on since the import began. Every order of an earlier import is
// older than that reading, and every order of this one is not.
func (r *run) beginOrders(ctx context.Context) error {
	if !r.ordersFrom.IsZero() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Deadline)
	defer cancel()
	for {
		at, err := r.serverTime(ctx)
		if err != nil {
			return err
		}
		if at.After(r.firstTime) {
			r.ordersFrom = at
			return nil
		}
		if err := gatewayclient.Sleep(ctx, r.clockPoll()); err != nil {
			return err
		}
	}
}

// clockPoll is far shorter than the second that is waited for, unless tests
// want it shorter still.
func (r *run) clockPoll() time.Duration {
	const usual = 100 * time.Millisecond
	if r.cfg.Backoff.Base > 0 {
		return min(usual, r.cfg.Backoff.Base)
	}
	return usual
}

// serverTime reads the gateway's clock, or the own one when the gateway's
// answers carry no date.
func (r *run) serverTime(ctx context.Context) (time.Time, error) {
	var at time.Time
	err := gatewayclient.Retry(ctx, r.cfg.Backoff, func(ctx context.Context) (err error) {
		at, err = r.cfg.Gateway.ServerTime(ctx)
		return err
	})
	if err == nil && at.IsZero() {
		at = time.Now().Truncate(time.Second)
	}
	return at, err
}

// stopped reports whether a line has no answer because the import was stopped.
func stopped(err error) bool { return errors.Is(err, context.Canceled) }
