package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"orderflow/services/order"
	"orderflow/workflows/contract"
)

const mostRevisions = contract.MostRevisions

// fixable are the refusals that another payment method, or another address,
// may turn.
var fixable = map[string]string{
	contract.StepChargePayment: contract.ErrorPaymentDeclined,
	contract.StepShipOrder:     contract.ErrorShipmentRefused,
}

// awaitFix waits, if the deployment allows it, until a refused step is fixed.
// It reports whether the step is to be run again, as its next revision.
func (s *saga) awaitFix(step string, failure error) bool {
	window := s.in.Settings.FixWindow
	if window <= 0 || s.revision(step) >= mostRevisions || !refusedAs(failure, fixable[step]) {
		return false
	}
	at := s.progress.step(step)
	at.State, at.Error = contract.StepWaiting, explain(failure)
	s.fixed = false
	s.whereabouts.leaveDurableWay()
	s.progress.publish(s.forward)
	s.index(s.stateNow())
	s.deadline.stopClock(s.forward) // the window is the customer's
	pause(s.forward, window, "Wait for a fix: "+step, func() bool { return s.fixed })
	s.awaitRelease()
	s.deadline.startClock(s.forward)
	at.State, at.Error = contract.StepRunning, ""
	s.index(s.stateNow())
	if !s.fixed || s.forward.Err() != nil {
		s.unfixed = step
		return false
	}
	s.revisions[step]++
	return true
}

func refusedAs(err error, kind string) bool {
	var application *temporal.ApplicationError
	return kind != "" && errors.As(err, &application) && application.Type() == kind
}

// stepToFix names the step that waits for a fix; "" when none does.
func (s *saga) stepToFix() string {
	for _, step := range contract.Steps() {
		if s.progress.step(step).State == contract.StepWaiting && !s.fixed && s.forward.Err() == nil {
			return step
		}
	}
	return ""
}

func (s *saga) mayFix(request contract.FixRequest) error {
	waiting := s.stepToFix()
	switch {
	case (request.PaymentMethod == "") == (request.ShippingAddress == nil):
		return refusal(contract.ErrorInvalidInput, "either a payment method or a shipping address is required")
	case waiting != contract.StepChargePayment && request.PaymentMethod != "":
		return refusal(contract.ErrorNothingToFix, "the order does not wait for a payment method")
	case waiting != contract.StepShipOrder && request.ShippingAddress != nil:
		return refusal(contract.ErrorNothingToFix, "the order does not wait for a shipping address")
	default:
		return checkRequest(request.RequestedBy, request.Reason)
	}
}

// fix replaces what was refused. The order goes on with the step's next
// revision, in the same run.
func (s *saga) fix(ctx workflow.Context, request contract.FixRequest) (contract.Progress, error) {
	step := s.stepToFix()
	if request.ShippingAddress != nil {
		s.in.ShippingAddress = *request.ShippingAddress
	} else {
		s.in.PaymentMethod = request.PaymentMethod
	}
	s.fixed = true
	s.record(ctx, order.InterventionFix, step, request.RequestedBy, request.Reason)
	return s.progress.snapshot(), nil
}
