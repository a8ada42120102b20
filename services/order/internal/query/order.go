package query

import (
	"context"
	"time"

	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
	"orderflow/services/order/internal/eventcodec"
	"orderflow/services/order/internal/eventstore"
	"orderflow/services/order/internal/readmodel"
)

// patience is how long a query waits for a projector that is behind. It is
// long for a healthy projector, and short for a client.
const patience = 100 * time.Millisecond

// Orders finds the views of single orders.
type Orders struct {
	events   *eventstore.Store
	codec    *eventcodec.Codec
	views    *readmodel.Views
	watchers *readmodel.Watchers
	wake     func()
	recheck  time.Duration
}

// NewOrders returns the handlers. Wake tells the projector that it is behind;
// it must not block.
func NewOrders(events *eventstore.Store, codec *eventcodec.Codec, views *readmodel.Views, watchers *readmodel.Watchers, wake func()) *Orders {
	return &Orders{events: events, codec: codec, views: views, watchers: watchers, wake: wake, recheck: defaultRecheck}
}

// Order returns the order as it is now.
func (o *Orders) Order(ctx context.Context, orderID string) (order.View, error) {
	version, err := o.events.Version(ctx, o.events.Reader(), stream(orderID))
	if err != nil {
		return order.View{}, err
	}
	if version == 0 {
		return order.View{}, notFound()
	}
	view, err := o.projected(ctx, orderID)
	if err != nil || view.Version >= version {
		return view, err
	}
	return o.behind(ctx, orderID, version)
}

// behind answers when the read model has not reached the stream's version.
func (o *Orders) behind(ctx context.Context, orderID string, version int64) (order.View, error) {
	changed, stop := o.watchers.Watch(orderID)
	defer stop()
	o.wake()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for waiting := true; waiting; {
		view, err := o.projected(ctx, orderID)
		if err != nil || view.Version >= version {
			return view, err
		}
		select {
		case <-changed:
		case <-timer.C:
			waiting = false
		case <-ctx.Done():
			return order.View{}, ctx.Err()
		}
	}
	recorded, err := o.events.Load(ctx, o.events.Reader(), stream(orderID))
	if err != nil {
		return order.View{}, err
	}
	return readmodel.View(o.codec, recorded)
}

// OrderAsOf returns the order as it was at a moment, or problem.NotFound when
// it did not exist then.
func (o *Orders) OrderAsOf(ctx context.Context, orderID string, at time.Time) (order.View, error) {
	recorded, err := o.events.LoadAsOf(ctx, o.events.Reader(), stream(orderID), at)
	if err != nil {
		return order.View{}, err
	}
	if len(recorded) == 0 {
		return order.View{}, notFound()
	}
	return readmodel.View(o.codec, recorded)
}

func (o *Orders) projected(ctx context.Context, orderID string) (order.View, error) {
	view, _, err := o.views.Find(ctx, orderID)
	return view, err
}

func stream(orderID string) eventstore.Stream {
	return eventstore.Stream{Type: domain.AggregateType, ID: orderID}
}

func notFound() error { return problem.New(problem.NotFound, "there is no such order") }
