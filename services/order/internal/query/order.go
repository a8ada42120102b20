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

// Orders finds the views of single orders.
type Orders struct {
	events    *eventstore.Store
	codec     *eventcodec.Codec
	projected Projection
	recheck   time.Duration
}

// NewOrders returns the handlers.
func NewOrders(events *eventstore.Store, codec *eventcodec.Codec, projected Projection) *Orders {
	return &Orders{events: events, codec: codec, projected: projected, recheck: defaultRecheck}
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
	view, err := o.projected.find(ctx, orderID)
	if err != nil || view.Version >= version {
		return view, err
	}
	return o.behind(ctx, orderID, version)
}

// behind answers when the read model has not reached the stream's version.
func (o *Orders) behind(ctx context.Context, orderID string, version int64) (order.View, error) {
	view, reached, err := o.projected.await(ctx, orderID, version)
	if err != nil || reached {
		return view, err
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

func stream(orderID string) eventstore.Stream {
	return eventstore.Stream{Type: domain.AggregateType, ID: orderID}
}

func notFound() error { return problem.New(problem.NotFound, "there is no such order") }
