package readmodel

import (
	"errors"
	"fmt"
	"slices"

	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
	"orderflow/services/order/internal/eventcodec"
	"orderflow/services/order/internal/eventstore"
)

// ErrOutOfSequence reports an event that does not follow the view's version.
var ErrOutOfSequence = errors.New("event out of sequence")

// View returns the view that a whole stream, oldest first, has made. The error
// wraps ErrOutOfSequence or one of eventcodec's.
func View(codec *eventcodec.Codec, stream []eventstore.Recorded) (order.View, error) {
	var view order.View
	for _, recorded := range stream {
		var err error
		if view, err = evolve(codec, view, recorded); err != nil {
			return order.View{}, err
		}
	}
	return view, nil
}

// evolve returns the view after one more event. It does not change its
// argument.
func evolve(codec *eventcodec.Codec, view order.View, recorded eventstore.Recorded) (order.View, error) {
	if recorded.Version != view.Version+1 {
		return view, fmt.Errorf("version %d of %s after version %d: %w", recorded.Version, recorded.Stream, view.Version, ErrOutOfSequence)
	}
	event, err := codec.Decode(recorded.Data)
	if err != nil {
		return view, err
	}
	switch event := event.(type) {
	case domain.OrderCreated:
		view.OrderID = recorded.Stream.ID
		view.CustomerID = event.CustomerID
		view.CustomerName = event.CustomerName
		view.Items = slices.Clone(event.Items)
		view.TotalAmount = event.Total
		view.RequestHash = event.RequestHash
		view.Status = order.Draft
		view.CreatedAt = recorded.OccurredAt
	case domain.OrderConfirmed:
		view.Status = order.Confirmed
	case domain.OrderShipped:
		view.Status = order.Shipped
		view.TrackingNumber = event.TrackingNumber
		view.Carrier = event.Carrier
		view.Saga = &event.Saga
	case domain.OrderCancelled:
		view.Status = order.Cancelled
		view.Reason = event.Reason
		view.Saga = &event.Saga
	case domain.OrderIntervened:
		// It shows in the order's events, and in the saga's outcome.
	default:
		return view, fmt.Errorf("projecting %T: %w", event, eventcodec.ErrUnknownEvent)
	}
	view.Version = recorded.Version
	view.UpdatedAt = recorded.OccurredAt
	return view, nil
}
