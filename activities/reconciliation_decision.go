package activities

import (
	"context"
	"fmt"

	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/services/shipping"
	"orderflow/workflows/contract"
)

// verdict is what is to be done about an order, and why.
type verdict struct {
	recover bool
	// input starts the recovery.
	input contract.PlaceOrderInput
	// run is what the decision knew of the order's last run.
	run    lastRun
	reason string
	// alarming says that the order is not as it should be, and that a recovery
	// would not help it.
	alarming bool
}

func leave(reason string) verdict { return verdict{reason: reason} }

func alarm(reason string) verdict { return verdict{reason: reason, alarming: true} }

// situation is all that a decision rests on.
type situation struct {
	suspect contract.Suspect
	run     lastRun
	// order is nil when it is not recorded.
	order *order.View
}

// decide asks for the situation of an order and judges it. The workflow is
// asked first: it records the end of an order before it closes, so an order
// that is still open when its workflow was closed before is nobody's.
func (a *Reconciliation) decide(ctx context.Context, suspect contract.Suspect) (verdict, error) {
	s := situation{suspect: suspect}
	var err error
	if s.run, err = a.lastRun(ctx, suspect.OrderID); err != nil {
		return verdict{}, err
	}
	if s.run.running {
		return leave("its workflow runs"), nil
	}
	if s.run.known && a.Now().Sub(s.run.closedAt) < contract.ClosedGrace {
		return leave("its workflow was closed a moment ago"), nil
	}
	view, err := a.Orders.Order(ctx, suspect.OrderID)
	switch {
	case err == nil:
		s.order = &view
	case problem.CodeOf(err) != problem.NotFound:
		return verdict{}, fmt.Errorf("reading order %s: %w", suspect.OrderID, err)
	}
	v := s.judge()
	if v.recover && s.in(order.Shipped) {
		return a.unlessUnknownToCarrier(ctx, v)
	}
	return v, nil
}

// unlessUnknownToCarrier lets a recovery of a shipped order go on only where it
// will find the shipment: it would undo the order otherwise.
func (a *Reconciliation) unlessUnknownToCarrier(ctx context.Context, v verdict) (verdict, error) {
	shipment, err := a.Shipping.Shipment(ctx, v.input.OrderID)
	switch {
	case problem.CodeOf(err) == problem.NotFound:
	case err != nil:
		return verdict{}, fmt.Errorf("reading the shipment of %s: %w", v.input.OrderID, err)
	case shipment.Status == shipping.Accepted:
		return v, nil
	}
	return alarm("the order has shipped, but nobody knows of its shipment"), nil
}

// judge decides about an order whose workflow does not run.
func (s situation) judge() verdict {
	switch {
	case s.in(order.Draft, order.Confirmed):
		return s.recovery("the order's workflow " + s.wasEnded())
	case s.suspect.Source == contract.SourceOpenOrders:
		return leave("the order is not open any more")
	case s.suspect.Source == contract.SourceClosed:
		return s.judgeClosed()
	default:
		return s.judgeStray()
	}
}

// judgeClosed decides about an order that is not open, and whose workflow was
// found closed.
func (s situation) judgeClosed() verdict {
	switch {
	case s.run.endedItself():
		return leave("its workflow has come to its end since")
	case s.order == nil:
		// The order was accepted and must not vanish.
		return s.recovery("the order's workflow " + s.wasEnded())
	case !s.run.recovery():
		return leave("the order has come to its end")
	case s.settledByHand():
		return leave("an operator has settled what is left of the order")
	default:
		return s.recovery("the recovery of the order " + s.wasEnded())
	}
}

// judgeStray decides about something that a service has for an order that is
// not open.
func (s situation) judgeStray() verdict {
	switch {
	case !contract.Recoverable(s.suspect.Step, s.suspect.Revision):
		return alarm("no recovery undoes this step")
	case s.order == nil && s.run.shipped():
		return alarm("the order's workflow says that it has shipped, but there is no record of it")
	case s.in(order.Shipped) && s.suspect.Source != contract.SourceReservations:
		return leave("the order has shipped")
	case s.settledByHand():
		return leave("an operator has settled what is left of the order")
	case s.run.recovery() && s.run.endedItself() && !s.suspect.Since.After(s.run.closedAt):
		return alarm("a recovery has come to its end and left this behind")
	default:
		return s.recovery("the order left something behind: " + string(s.suspect.Source))
	}
}

func (s situation) in(statuses ...order.Status) bool {
	for _, status := range statuses {
		if s.order != nil && s.order.Status == status {
			return true
		}
	}
	return false
}

func (s situation) wasEnded() string {
	if how := s.run.how(); how == "timed out" || how == "failed" {
		return how
	}
	return "was " + s.run.how()
}

// settledByHand reports whether an operator has skipped or resolved a
// compensation of the order. A recovery runs them all again, and so might do
// what somebody has done by hand.
func (s situation) settledByHand() bool {
	if s.order == nil || s.order.Saga == nil {
		return false
	}
	for _, step := range s.order.Saga.Steps {
		if undone := step.Compensation; undone != nil && (undone.Resolution != "" || undone.State == string(contract.StepSkipped)) {
			return true
		}
	}
	return false
}
