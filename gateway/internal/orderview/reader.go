package orderview

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"orderflow/gateway/internal/placement"
	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
	"orderflow/workflows/contract"
)

// Orders is what is asked of the order service; *order.Client does it.
type Orders interface {
	// Order returns the view, or problem.NotFound.
	Order(ctx context.Context, orderID string) (order.View, error)
}

// Payments is what is asked of the payment service; *payment.Client does it.
type Payments interface {
	// Payment returns an order's payment, or problem.NotFound.
	Payment(ctx context.Context, orderID string) (payment.Payment, error)
}

// Shipments is what is asked of the shipping service; *shipping.Client does it.
type Shipments interface {
	// Shipment returns an order's shipment, or problem.NotFound.
	Shipment(ctx context.Context, orderID string) (shipping.Shipment, error)
}

// Workflows is what is asked of Temporal; *placement.Placements does it.
type Workflows interface {
	Find(ctx context.Context, orderID string) (placement.Found, error)
	Input(ctx context.Context, orderID string) (contract.PlaceOrderInput, error)
	Progress(ctx context.Context, orderID string) (contract.Progress, error)
}

// Sources are where the parts of a view come from. The first four are needed.
type Sources struct {
	Orders    Orders
	Payments  Payments
	Shipments Shipments
	Workflows Workflows
	// MayName reports whether the caller may know that the subject of a token
	// decided something about an order; the empty subject stands for an
	// operator whose name is part of a text. Nil names nobody to anybody.
	MayName func(ctx context.Context, subject string) bool
	// PartTimeout bounds the reading of one part. Default 1 s.
	PartTimeout time.Duration
}

// Reader reads views. It is safe for concurrent use.
type Reader struct {
	Sources
}

// NewReader returns a reader of the sources.
func NewReader(sources Sources) *Reader {
	if sources.PartTimeout <= 0 {
		sources.PartTimeout = time.Second
	}
	return &Reader{Sources: sources}
}

// Standing is what is known of an order at least: whose it is, and the order
// service's view of it if that could be had.
type Standing struct {
	CustomerID string
	// Stored is nil when the order service does not have the order yet, or is
	// away.
	Stored *order.View
	// Placement is set when Stored is not.
	Placement placement.Found
	// OrdersAway says that the order service did not answer.
	OrdersAway bool
}

// Status is the order's status as far as it is known.
func (s Standing) Status() order.Status {
	if s.Stored != nil {
		return s.Stored.Status
	}
	return statusOf(order.SagaState(s.Placement.State), nil)
}

// RecordLost reports whether the order seems to have lost its record, as after
// the restore of an older database: its workflow recorded it before it ended. It
// may have done so just after the order service was asked, which View finds out.
func (s Standing) RecordLost() bool {
	return s.Stored == nil && !s.OrdersAway && order.SagaState(s.Placement.State).Final()
}

// Standing looks an order up: at the order service, and where that does not
// have it, at Temporal, which has it from the moment of its acceptance.
// problem.NotFound when both say that there is none, problem.Unavailable when
// that cannot be told.
func (r *Reader) Standing(ctx context.Context, orderID string) (Standing, error) {
	stored, ordersErr := r.order(ctx, orderID)
	if ordersErr == nil {
		return Standing{CustomerID: stored.CustomerID, Stored: &stored}, nil
	}
	if err := ctx.Err(); err != nil {
		return Standing{}, err
	}
	away := problem.CodeOf(ordersErr) != problem.NotFound
	found, err := r.Workflows.Find(ctx, orderID)
	switch {
	case err == nil:
		return Standing{CustomerID: found.CustomerID, Placement: found, OrdersAway: away}, nil
	case away:
		// Temporal forgets old orders: its "not found" alone proves nothing.
		return Standing{}, problem.New(problem.Unavailable, "the order cannot be read at the moment").
			WithRetryAfter(time.Second).WithCause(errors.Join(ordersErr, err))
	default:
		return Standing{}, err
	}
}

// View returns the full view of an order whose standing was just read. It fails
// only when the order service does not have the order and Temporal does not
// answer.
func (r *Reader) View(ctx context.Context, orderID string, standing Standing) (View, error) {
	view, err := r.view(ctx, orderID, standing)
	r.leaveNamesOut(ctx, view.Saga)
	return view, err
}

// Joined returns the full view of an order that the order service has. The
// other parts are read after it: when it is final, so are they.
func (r *Reader) Joined(ctx context.Context, stored order.View) View {
	view := r.joined(ctx, stored)
	r.leaveNamesOut(ctx, view.Saga)
	return view
}

func (r *Reader) view(ctx context.Context, orderID string, standing Standing) (View, error) {
	if standing.Stored != nil {
		return r.joined(ctx, *standing.Stored), nil
	}
	input, err := r.Workflows.Input(ctx, orderID)
	if err != nil {
		return View{}, err
	}
	view := publicForm(storedFrom(input))
	switch {
	case standing.OrdersAway:
		return r.withoutRecord(ctx, view, standing.Placement), nil
	case standing.Placement.State == contract.SagaRunning:
		return r.justAccepted(ctx, view), nil
	}
	// A workflow records its order before it ends: either it did just now, or
	// the record is lost, as after the restore of an older database.
	if stored, err := r.order(ctx, orderID); err == nil {
		return r.joined(ctx, stored), nil
	}
	return r.withoutRecord(ctx, view, standing.Placement), nil
}

// justAccepted completes the view of an order that the order service does not
// have yet.
func (r *Reader) justAccepted(ctx context.Context, view View) View {
	told := r.saga(ctx, view.OrderID)
	// A worker answers after the steps that it had at hand: the order may be
	// there by now.
	if stored, err := r.order(ctx, view.OrderID); err == nil {
		return r.joined(ctx, stored)
	}
	// Nothing but the saga exists before the order does.
	view.Saga = told.saga
	if !told.complete {
		view.Unavailable = []Part{PartSaga}
	}
	return view
}

// withoutRecord completes the view of an order that the order service cannot
// tell of, with what Temporal and the other services tell.
func (r *Reader) withoutRecord(ctx context.Context, view View, placed placement.Found) View {
	if known := order.SagaState(placed.State); known.Final() {
		view.Saga = &Saga{State: known, Steps: []order.SagaStep{}}
		view.Links.Cancel = ""
	}
	r.join(ctx, &view)
	view.Status = statusOf(view.Saga.State, view.Saga.Steps)
	view.Unavailable = append([]Part{PartOrder}, view.Unavailable...)
	return view
}

func (r *Reader) joined(ctx context.Context, stored order.View) View {
	view := publicForm(stored)
	if told := r.join(ctx, &view); !told.ended {
		return view
	}
	// The order came to its end while its parts were read. Read together,
	// they agree.
	if again, err := r.order(ctx, stored.OrderID); err == nil && Final(again) {
		view = publicForm(again)
		r.join(ctx, &view)
	}
	return view
}

func (r *Reader) order(ctx context.Context, orderID string) (order.View, error) {
	ctx, cancel := context.WithTimeout(ctx, r.PartTimeout)
	defer cancel()
	return r.Orders.Order(ctx, orderID)
}

// join reads payment, shipment and, unless the view has it, the saga, and
// returns what that told.
func (r *Reader) join(ctx context.Context, view *View) (told told) {
	var mu sync.Mutex
	var unavailable []Part
	mark := func(part Part) {
		mu.Lock()
		defer mu.Unlock()
		unavailable = append(unavailable, part)
	}
	var parts sync.WaitGroup
	parts.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, r.PartTimeout)
		defer cancel()
		stored, err := r.Payments.Payment(ctx, view.OrderID)
		switch {
		case err == nil:
			view.Payment = publicPayment(stored)
		case problem.CodeOf(err) != problem.NotFound:
			view.Payment = &Payment{Status: StatusUnavailable}
			mark(PartPayment)
		}
	})
	parts.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, r.PartTimeout)
		defer cancel()
		stored, err := r.Shipments.Shipment(ctx, view.OrderID)
		switch {
		case err == nil:
			view.Shipment = publicShipment(stored)
		case problem.CodeOf(err) != problem.NotFound:
			view.Shipment = &Shipment{Status: StatusUnavailable}
			mark(PartShipment)
		}
	})
	if view.Saga == nil {
		parts.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, r.PartTimeout)
			defer cancel()
			told = r.saga(ctx, view.OrderID)
			view.Saga = told.saga
			if !told.complete {
				mark(PartSaga)
			}
		})
	}
	parts.Wait()
	slices.Sort(unavailable)
	view.Unavailable = append(view.Unavailable, unavailable...)
	return told
}

// statusOf is the status that an order has at least when its saga is there.
func statusOf(state order.SagaState, steps []order.SagaStep) order.Status {
	done := func(name string) bool {
		return slices.ContainsFunc(steps, func(step order.SagaStep) bool {
			return step.Name == name && step.State == string(contract.StepDone)
		})
	}
	switch {
	case state == order.SagaCompleted || done(contract.StepCompleteOrder):
		return order.Shipped
	case state == order.SagaCompensated:
		return order.Cancelled
	case done(contract.StepConfirmOrder):
		return order.Confirmed
	default:
		return order.Draft
	}
}

// storedFrom is the draft that the order service will have.
func storedFrom(input contract.PlaceOrderInput) order.View {
	items := make([]order.Item, 0, len(input.Items))
	for _, item := range input.Items {
		items = append(items, order.Item(item))
	}
	return order.View{
		OrderID:      input.OrderID,
		CustomerID:   input.CustomerID,
		CustomerName: input.CustomerName,
		Items:        items,
		TotalAmount:  input.Total,
		Status:       order.Draft,
		CreatedAt:    input.AcceptedAt,
		UpdatedAt:    input.AcceptedAt,
	}
}
