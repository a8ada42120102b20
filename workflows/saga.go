package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"orderflow/workflows/contract"
)

// saga runs the steps of one order and undoes them.
type saga struct {
	in       contract.PlaceOrderInput
	progress *progress

	// forward is the context of the steps. Cancelling it, by Temporal or by
	// the customer, never reaches a compensation.
	forward       workflow.Context
	cancelForward workflow.CancelFunc
	// backward is the context of everything that must happen all the same.
	backward workflow.Context

	cancellation *contract.CancelRequest
	failedStep   string
	noReturn     bool
	// undoing is true while a compensation runs. When Temporal evicts the
	// workflow in the middle of one, its goroutine exits through the remaining
	// deferred functions, with err already set: they must not act then.
	undoing bool
	parked  []parked
	settled bool
}

// parked is a compensation that failed for good and is tried again later.
type parked struct {
	step string
	undo func(workflow.Context) error
}

// newSaga refuses an input that does not belong to this workflow: keys are
// made of the order's ID, and another order's effects must never be undone
// here.
func newSaga(ctx workflow.Context, in contract.PlaceOrderInput) (*saga, error) {
	if id := workflow.GetInfo(ctx).WorkflowExecution.ID; in.OrderID != id {
		return nil, temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("order %s cannot be placed by workflow %s", in.OrderID, id), contract.ErrorInvalidInput, nil)
	}
	s := &saga{in: in, progress: newProgress(in.OrderID)}
	s.forward, s.cancelForward = workflow.WithCancel(ctx)
	s.backward, _ = workflow.NewDisconnectedContext(ctx)
	s.progress.publish(ctx)
	return s, s.listen(ctx)
}

// do runs one step forward. It returns nil when the step has happened and the
// order is still wanted.
func (s *saga) do(step string, activity, request, answer any) error {
	if s.forward.Err() != nil {
		return temporal.NewCanceledError()
	}
	s.progress.step(step).State = contract.StepRunning
	s.progress.publish(s.forward)
	err := s.call(s.forward, step, activity, s.forwardPolicy(), request, answer)
	if s.forward.Err() != nil {
		// Whatever the step came to, the cancellation was promised.
		if err == nil {
			s.progress.step(step).State = contract.StepDone
		} else {
			s.progress.fail(step, "cancelled")
		}
		s.progress.publish(s.forward)
		return temporal.NewCanceledError()
	}
	if err != nil {
		s.failedStep = step
		s.progress.fail(step, explain(err))
		s.progress.publish(s.forward)
		return err
	}
	s.progress.step(step).State = contract.StepDone
	return nil
}

func (s *saga) forwardPolicy() durablePolicy {
	return durablePolicy{scheduleToClose: s.stepTimeout()}
}

func (s *saga) stepTimeout() time.Duration {
	if configured := s.in.Settings.StepTimeout; configured > 0 {
		return configured
	}
	return stepTimeout
}

// compensate undoes one step if the order failed. It is meant to be deferred
// before the step runs. A compensation that fails, for good or for as long as
// a step may take, is parked and does not keep the others from running.
func (s *saga) compensate(err *error, step string, undo func(workflow.Context) error) {
	if *err == nil || s.undoing {
		return
	}
	s.undoing = true
	s.progress.beginUndo(step)
	s.progress.publish(s.backward)
	if failure := undo(s.backward); failure != nil {
		s.park(step, failure, undo)
	} else {
		s.progress.endUndo(step)
	}
	s.progress.publish(s.backward)
	s.undoing = false
}

// undo runs the compensation of a step: always the durable way, because
// compensations are rare and an operator must see each as an activity of its
// own.
func (s *saga) undo(ctx workflow.Context, step string, activity, request any) error {
	policy := durablePolicy{summary: "Undo: " + step, scheduleToClose: s.stepTimeout()}
	return s.callDurably(ctx, compensationOf[step], activity, policy, request, nil)
}

// park keeps a failed compensation for later and calls for an operator.
func (s *saga) park(step string, failure error, undo func(workflow.Context) error) {
	s.progress.blockUndo(step, explain(failure))
	s.parked = append(s.parked, parked{step: step, undo: undo})
	s.block()
}

// awaitParked tries the parked compensations again and again until none is
// left. Until then the saga is blocked: nothing of it is lost, and an operator
// sees it.
func (s *saga) awaitParked() {
	for wait := parkedFirst; len(s.parked) > 0; wait = min(2*wait, parkedLongest) {
		s.progress.publish(s.backward)
		s.pause(wait, "Undo again: "+s.parked[0].step)
		var still []parked
		for _, p := range s.parked {
			if failure := p.undo(s.backward); failure != nil {
				s.progress.blockUndo(p.step, explain(failure))
				still = append(still, p)
				continue
			}
			s.progress.endUndo(p.step)
		}
		s.parked = still
	}
	s.unblock(contract.SagaCompensating)
}

// undoCreation undoes CreateOrder. It records the end of the whole saga, so it
// comes when all else is undone. An order that the order service would not
// create has nothing there to be cancelled.
func (s *saga) undoCreation(ctx workflow.Context, cause error) error {
	s.awaitParked()
	if s.failedStep == contract.StepCreateOrder && !mayPass(cause) {
		s.progress.step(contract.StepCreateOrder).Compensation = nil
		return nil
	}
	for wait := parkedFirst; ; wait = min(2*wait, parkedLongest) {
		failure := s.undo(ctx, contract.StepCreateOrder, orders.CancelOrder, cancelOrder(s, cause))
		if failure == nil {
			s.unblock(contract.SagaCompensating)
			return nil
		}
		s.progress.blockUndo(contract.StepCreateOrder, explain(failure))
		s.block()
		s.pause(wait, "Undo again: "+contract.StepCreateOrder)
	}
}

// passPointOfNoReturn refuses every cancellation from now on.
func (s *saga) passPointOfNoReturn() { s.noReturn = true }

// mustDo runs a step after the point of no return. It does not give up: there
// is no way back, so it blocks the saga and tries again.
func (s *saga) mustDo(step string, activity, request any) {
	s.progress.step(step).State = contract.StepRunning
	s.progress.publish(s.backward)
	for wait := parkedFirst; ; wait = min(2*wait, parkedLongest) {
		err := s.call(s.backward, step, activity, s.forwardPolicy(), request, nil)
		if err == nil {
			break
		}
		s.progress.step(step).State = contract.StepBlocked
		s.progress.step(step).Error = explain(err)
		s.block()
		s.pause(wait, "Try again: "+step)
	}
	s.progress.step(step).State, s.progress.step(step).Error = contract.StepDone, ""
	s.unblock(contract.SagaRunning)
}

// block calls for an operator, once until unblock.
func (s *saga) block() {
	if s.progress.State == contract.SagaBlocked {
		s.progress.publish(s.backward)
		return
	}
	s.progress.State = contract.SagaBlocked
	s.progress.publish(s.backward)
	s.flag(true)
}

func (s *saga) unblock(state contract.SagaState) {
	if s.progress.State != contract.SagaBlocked {
		return
	}
	s.progress.State = state
	s.progress.publish(s.backward)
	s.flag(false)
}

func (s *saga) pause(wait time.Duration, summary string) {
	// The context cannot be cancelled; the only error there is cannot come.
	_ = workflow.NewTimerWithOptions(s.backward, wait, workflow.TimerOptions{Summary: summary}).Get(s.backward, nil)
}

// notify tells the customer how the order ended and reports whether the
// message was accepted. An order never fails for its message.
func (s *saga) notify(request any) bool {
	s.progress.step(contract.StepNotifyCustomer).State = contract.StepRunning
	s.progress.publish(s.backward)
	policy := durablePolicy{scheduleToClose: notifyTimeout}
	err := s.call(s.backward, contract.StepNotifyCustomer, notifications.NotifyCustomer, policy, request, nil)
	if err != nil {
		workflow.GetLogger(s.backward).Warn("The customer was not told", "orderId", s.in.OrderID, "error", err)
		s.progress.fail(contract.StepNotifyCustomer, explain(err))
	} else {
		s.progress.step(contract.StepNotifyCustomer).State = contract.StepDone
	}
	s.progress.publish(s.backward)
	return err == nil
}

// closeWorkflow tells the customer of an undone order, waits for whoever still
// waits for an answer, and gives the error its final form. It does nothing when
// Temporal evicts the workflow or its code panics: then the order is neither
// settled nor completely undone.
func (s *saga) closeWorkflow(cause error) error {
	if s.undoing || cause == nil && !s.settled {
		return cause
	}
	if cause != nil {
		s.progress.skipPending()
		s.settle(contract.SagaCompensated)
		s.notify(orderUndone(s.in, s.reason(cause)))
	}
	_ = workflow.Await(s.backward, func() bool { return workflow.AllHandlersFinished(s.backward) })
	if cause == nil {
		return nil
	}
	if temporal.IsCanceledError(cause) {
		return temporal.NewCanceledError(s.progress.snapshot())
	}
	return temporal.NewApplicationErrorWithOptions(
		"order undone: "+s.failedStep+": "+kindOf(cause), contract.ErrorSagaFailed,
		temporal.ApplicationErrorOptions{
			NonRetryable: true,
			Category:     temporal.ApplicationErrorCategoryBenign,
			Details:      []any{s.progress.snapshot()},
		})
}

// kindOf is the type of a failure without its words, which may be a customer's.
func kindOf(err error) string {
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return application.Type()
	}
	return "timeout"
}

// settle makes the saga's state final and wakes whoever waits for it.
func (s *saga) settle(state contract.SagaState) {
	s.progress.State = state
	s.progress.publish(s.backward)
	s.settled = true
	updates := []temporal.SearchAttributeUpdate{orderState.ValueSet(string(state))}
	if s.failedStep != "" {
		updates = append(updates, failedStep.ValueSet(s.failedStep))
	}
	s.index(updates...)
}
