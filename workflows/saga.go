package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"orderflow/services/order"
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
	// interrupted is true while a compensation runs. When Temporal evicts the
	// workflow in the middle of one, its goroutine exits through the remaining
	// deferred functions, with err already set: they must not act then.
	interrupted bool
	parked      []parked
	settled     bool
}

// parked is a compensation that failed for good and is tried again later.
type parked struct {
	step string
	undo func(workflow.Context) error
}

func newSaga(ctx workflow.Context, in contract.PlaceOrderInput) (*saga, error) {
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
	if err != nil {
		if !temporal.IsCanceledError(err) {
			s.failedStep = step
		}
		s.progress.fail(step, explain(err))
		s.progress.publish(s.forward)
		return err
	}
	s.progress.step(step).State = contract.StepDone
	s.progress.publish(s.forward)
	if s.forward.Err() != nil {
		// The step won the race against a cancellation that was promised.
		return temporal.NewCanceledError()
	}
	return nil
}

func (s *saga) forwardPolicy() durablePolicy {
	policy := durablePolicy{scheduleToClose: stepTimeout}
	if configured := s.in.Settings.StepTimeout; configured > 0 {
		policy.scheduleToClose = configured
	}
	return policy
}

// compensate undoes one step if the order failed. It is meant to be deferred
// before the step runs. A compensation that fails for good is parked and does
// not keep the others from running.
func (s *saga) compensate(err *error, step string, undo func(workflow.Context) error) {
	if *err == nil || s.interrupted {
		return
	}
	s.interrupted = true
	if step == contract.StepCreateOrder {
		// The order's own end records how the others ended.
		s.awaitParked()
	}
	s.progress.beginUndo(step)
	s.progress.publish(s.backward)
	if failure := undo(s.backward); failure != nil {
		s.progress.blockUndo(step, explain(failure))
		s.parked = append(s.parked, parked{step: step, undo: undo})
	} else {
		s.progress.endUndo(step)
	}
	if step == contract.StepCreateOrder {
		s.awaitParked()
	}
	s.progress.publish(s.backward)
	s.interrupted = false
}

// undo runs the compensation of a step: always the durable way, because
// compensations are rare and an operator must see each as an activity of its
// own; without an end to its retries, because the order must end undone.
func (s *saga) undo(ctx workflow.Context, step string, activity, request any) error {
	policy := durablePolicy{summary: "Undo: " + step}
	return s.callDurably(ctx, compensationOf[step], activity, policy, request, nil)
}

// awaitParked tries the parked compensations again and again until none is
// left. Until then the saga is blocked: nothing of it is lost, and an operator
// sees it.
func (s *saga) awaitParked() {
	for len(s.parked) > 0 {
		s.progress.State = contract.SagaBlocked
		s.progress.publish(s.backward)
		s.flag(true)
		_ = workflow.Sleep(s.backward, parkedInterval)
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
		if len(still) == 0 {
			s.progress.State = contract.SagaCompensating
			s.flag(false)
		}
	}
}

// passPointOfNoReturn refuses every cancellation from now on.
func (s *saga) passPointOfNoReturn() { s.noReturn = true }

// finish runs a step after the point of no return. It does not give up: there
// is no way back, so it blocks the saga and tries again.
func (s *saga) finish(step string, activity, request any) {
	s.progress.step(step).State = contract.StepRunning
	s.progress.publish(s.backward)
	for {
		err := s.call(s.backward, step, activity, durablePolicy{}, request, nil)
		if err == nil {
			break
		}
		s.progress.step(step).State = contract.StepBlocked
		s.progress.step(step).Error = explain(err)
		s.progress.State = contract.SagaBlocked
		s.progress.publish(s.backward)
		s.flag(true)
		_ = workflow.Sleep(s.backward, parkedInterval)
	}
	if s.progress.State == contract.SagaBlocked {
		s.progress.State = contract.SagaRunning
		s.progress.step(step).Error = ""
		s.flag(false)
	}
	s.progress.step(step).State = contract.StepDone
	s.progress.publish(s.backward)
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

// close ends the workflow: it tells the customer of an undone order, waits for
// whoever still waits for an answer, and gives the error its final form.
func (s *saga) close(cause error) error {
	if s.interrupted {
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
		"order undone: "+s.failedStep+": "+s.reason(cause), contract.ErrorSagaFailed,
		temporal.ApplicationErrorOptions{
			NonRetryable: true,
			Category:     temporal.ApplicationErrorCategoryBenign,
			Details:      []any{s.progress.snapshot()},
		})
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

// outcome is what the order's own history keeps of the saga.
func (s *saga) outcome(state contract.SagaState) order.Saga {
	return s.progress.outcome(state)
}
