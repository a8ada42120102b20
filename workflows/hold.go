package workflows

import (
	"go.temporal.io/sdk/workflow"

	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// awaitTurn waits with a step while the order is on hold. Its record is made all
// the same: from its acceptance on an order must be found, also by who verifies
// the rows, and the hold itself is kept there.
func (s *saga) awaitTurn(step string) {
	if step == contract.StepCreateOrder && s.progress.Hold != nil && s.createsWhenHeld() {
		return
	}
	s.awaitRelease()
}

// createdWhenHeld is the change by which an order that is held before its first
// step is created. The version is asked for only there.
const createdWhenHeld = "created-when-held"

func (s *saga) createsWhenHeld() bool {
	return workflow.GetVersion(s.backward, createdWhenHeld, workflow.DefaultVersion, 1) != workflow.DefaultVersion
}

// awaitRelease waits while the order is on hold, until it is released or not
// wanted any more.
func (s *saga) awaitRelease() {
	_ = workflow.Await(s.forward, func() bool { return s.progress.Hold == nil })
	s.letGo(s.backward)
}

func (s *saga) mayHold(request contract.HoldRequest) error {
	switch {
	case s.noReturn, s.turnedBack == nil && s.progress.step(contract.StepShipOrder).State == contract.StepRunning:
		return refusal(contract.ErrorTooLate, "the order is with the carrier")
	case s.in.Recovery != nil:
		return refusal(contract.ErrorRecovering, "the order is being recovered")
	case s.forward.Err() != nil, s.turnedBack != nil, s.progress.State != contract.SagaRunning:
		return refusal(contract.ErrorAlreadyCancelled, "the order is being undone")
	case s.progress.Hold != nil && (s.progress.Hold.Operator || !request.Operator):
		return refusal(contract.ErrorAlreadyHeld, "the order is on hold")
	default:
		return checkRequest(request.RequestedBy, request.Reason)
	}
}

// hold stops the order before its next step but its creation. A step under way
// is not interrupted. An operator may take over a hold of the customer, who could
// otherwise end it in the very moment in which the operator needs it.
func (s *saga) hold(ctx workflow.Context, request contract.HoldRequest) (contract.Progress, error) {
	if s.progress.Hold == nil {
		s.deadline.stopClock(ctx)
	}
	s.progress.Hold = &contract.Hold{
		By: request.RequestedBy, Reason: plain(request.Reason), Since: workflow.Now(ctx), Operator: request.Operator,
	}
	s.progress.publish(s.backward)
	s.index(s.stateNow())
	s.record(ctx, order.InterventionHold, "", request.RequestedBy, request.Reason)
	return s.progress.snapshot(), nil
}

// mayRelease lets nobody but an operator end an operator's hold: it may be a
// suspicion of the very customer who asks. It is a validator, which replays do
// not run, so a release that was accepted before this rule stays accepted.
func (s *saga) mayRelease(request contract.HoldRequest) error {
	switch {
	case s.progress.Hold == nil:
		return refusal(contract.ErrorNotHeld, "the order is not on hold")
	case s.progress.Hold.Operator && !request.Operator:
		return refusal(contract.ErrorHeldByOperator, "an operator has put the order on hold")
	default:
		return checkRequest(request.RequestedBy, request.Reason)
	}
}

func (s *saga) release(ctx workflow.Context, request contract.HoldRequest) (contract.Progress, error) {
	s.letGo(ctx)
	s.record(ctx, order.InterventionRelease, "", request.RequestedBy, request.Reason)
	return s.progress.snapshot(), nil
}

func (s *saga) letGo(ctx workflow.Context) {
	if s.progress.Hold == nil {
		return
	}
	s.progress.Hold = nil
	s.deadline.startClock(ctx)
	s.progress.publish(s.backward)
	s.index(s.stateNow())
}
