package query

import (
	"cmp"
	"context"
	"time"

	"orderflow/services/order"
	"orderflow/services/order/internal/readmodel"
)

// defaultPatience is long for a healthy projector, and short for a client.
const defaultPatience = 100 * time.Millisecond

// glance is how often a query looks meanwhile: another process may be the one
// that projects.
const glance = 10 * time.Millisecond

// Projection is the read model and those who keep it up to date.
type Projection struct {
	Views    *readmodel.Views
	Watchers *readmodel.Watchers
	// Wake tells the projector that it is behind. It must not block.
	Wake func()
	// Patience is how long a query waits for a projector that is behind.
	// Default 100 ms.
	Patience time.Duration
}

// find returns the order's view as far as it is projected, or the zero View.
func (p Projection) find(ctx context.Context, orderID string) (order.View, error) {
	view, _, err := p.Views.Find(ctx, orderID)
	return view, err
}

// await wakes the projector and waits a moment for it to reach a version of the
// order. Reached is false when it did not in time.
func (p Projection) await(ctx context.Context, orderID string, version int64) (view order.View, reached bool, err error) {
	changed, stop := p.Watchers.Watch(orderID)
	defer stop()
	p.Wake()
	deadline := time.NewTimer(cmp.Or(p.Patience, defaultPatience))
	defer deadline.Stop()
	tick := time.NewTicker(glance)
	defer tick.Stop()
	for {
		view, err := p.find(ctx, orderID)
		if err != nil || view.Version >= version {
			return view, err == nil, err
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-deadline.C:
			return view, false, nil
		case <-ctx.Done():
			return order.View{}, false, ctx.Err()
		}
	}
}
