package query

import (
	"context"
	"time"

	"orderflow/internal/problem"
	"orderflow/services/order"
)

// defaultRecheck is how often a waiting query looks by itself: another process
// may have projected the change.
const defaultRecheck = time.Second

// OrderAfter returns the order as soon as its version is above the given one.
// When wait is over, or release is closed, it returns the order as it is then;
// the caller compares the versions. An order that does not exist is waited for
// too, and then problem.NotFound.
//
// No database connection is held while it waits.
func (o *Orders) OrderAfter(ctx context.Context, orderID string, version int64, wait time.Duration, release <-chan struct{}) (order.View, error) {
	changed, stop := o.projected.Watchers.Watch(orderID)
	defer stop()
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	tick := time.NewTicker(o.recheck)
	defer tick.Stop()
	for over := false; ; {
		view, err := o.Order(ctx, orderID)
		missing := problem.CodeOf(err) == problem.NotFound
		if over || (err != nil && !missing) || view.Version > version {
			return view, err
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-deadline.C:
			over = true
		case <-release:
			over = true
		case <-ctx.Done():
			return order.View{}, ctx.Err()
		}
	}
}
