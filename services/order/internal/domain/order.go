package domain

import (
	"fmt"
	"time"

	"orderflow/services/order"
)

// AggregateType is the type of every order's stream.
const AggregateType = "Order"

// Order is the state of one order, as far as decisions need it. It is a value:
// Evolve returns a changed copy. The zero value is an order that does not
// exist yet.
type Order struct {
	status  order.Status
	version int64
}

// Replay returns the order that the events, oldest first, have made. Its error
// wraps ErrHistory.
func Replay(events []Event) (Order, error) {
	var o Order
	for _, event := range events {
		var err error
		if o, err = o.Evolve(event); err != nil {
			return Order{}, err
		}
	}
	return o, nil
}

// Restore returns the order that had this status and this version, as Status
// and Version returned them. Its error wraps ErrHistory when no events make such
// an order.
func Restore(status order.Status, version int64) (Order, error) {
	fewest, known := map[order.Status]int64{order.Draft: 1, order.Confirmed: 2, order.Shipped: 3, order.Cancelled: 2}[status]
	if !known || version < fewest {
		return Order{}, fmt.Errorf("status %q at version %d: %w", status, version, ErrHistory)
	}
	return Order{status: status, version: version}, nil
}

// Exists reports whether the order was ever created.
func (o Order) Exists() bool { return o.version > 0 }

// Status returns where the order stands; "" before it exists.
func (o Order) Status() order.Status { return o.status }

// Version returns how many events have made the order. The next event gets
// version Version()+1.
func (o Order) Version() int64 { return o.version }

// Create decides to record a new draft. Its error is a *TransitionError when
// the order exists.
func (o Order) Create(placement Placement) (OrderCreated, error) {
	if o.Exists() {
		return OrderCreated{}, o.refuse("create")
	}
	if placement.content.CustomerID == "" {
		return OrderCreated{}, errUnchecked
	}
	return placement.content, nil
}

// Confirm decides that the draft is reserved and paid. Its error is a
// *TransitionError unless the order is a draft.
func (o Order) Confirm(at time.Time) (OrderConfirmed, error) {
	if o.status != order.Draft {
		return OrderConfirmed{}, o.refuse("confirm")
	}
	return OrderConfirmed{ConfirmedAt: at.UTC()}, nil
}

// Ship decides that the order has left. Its error is a *TransitionError unless
// the order is confirmed.
func (o Order) Ship(shipment Shipment) (OrderShipped, error) {
	if o.status != order.Confirmed {
		return OrderShipped{}, o.refuse("ship")
	}
	if shipment.content.TrackingNumber == "" {
		return OrderShipped{}, errUnchecked
	}
	return shipment.content, nil
}

// Cancel decides that the order will not be shipped. Its error is a
// *TransitionError unless the order is a draft or confirmed.
func (o Order) Cancel(cancellation Cancellation) (OrderCancelled, error) {
	if o.status != order.Draft && o.status != order.Confirmed {
		return OrderCancelled{}, o.refuse("cancel")
	}
	if cancellation.content.Reason == "" {
		return OrderCancelled{}, errUnchecked
	}
	return cancellation.content, nil
}

// Intervene decides to record a decision about the order's saga. Its error is a
// *TransitionError when the order does not exist.
//
// Any status will do, also that of an order which has ended: the decision was
// made by a saga that did not wait for this record, and the record may be late
// because the order service was away meanwhile. It would be wrong to lose it.
func (o Order) Intervene(intervention Intervention) (OrderIntervened, error) {
	if !o.Exists() {
		return OrderIntervened{}, o.refuse("intervene in")
	}
	if intervention.content.Action == "" {
		return OrderIntervened{}, errUnchecked
	}
	return intervention.content, nil
}

func (o Order) refuse(command string) error {
	return &TransitionError{Command: command, Status: o.status}
}

// Evolve returns the order after the event. An event that does not fit the
// state was never decided by a command; the error then wraps ErrHistory.
func (o Order) Evolve(event Event) (Order, error) {
	next := Order{version: o.version + 1}
	fits := false
	switch event.(type) {
	case OrderCreated:
		next.status, fits = order.Draft, !o.Exists()
	case OrderConfirmed:
		next.status, fits = order.Confirmed, o.status == order.Draft
	case OrderShipped:
		next.status, fits = order.Shipped, o.status == order.Confirmed
	case OrderCancelled:
		next.status, fits = order.Cancelled, o.status == order.Draft || o.status == order.Confirmed
	case OrderIntervened:
		next.status, fits = o.status, o.Exists()
	}
	if !fits {
		return Order{}, fmt.Errorf("event %T as version %d after status %q: %w", event, next.version, o.status, ErrHistory)
	}
	return next, nil
}
