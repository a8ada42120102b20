package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"orderflow/workflows/contract"
)

// notify tells the customer how the order ended and reports whether the
// message was accepted. An order never fails for its message.
func (s *saga) notify(request request) bool {
	s.midway = true
	s.progress.step(contract.StepNotifyCustomer).State = contract.StepRunning
	s.progress.publish(s.backward)
	policy := durablePolicy{scheduleToClose: notifyTimeout, mostHolds: notifyHolds}
	err := s.call(s.backward, contract.StepNotifyCustomer, notifications.NotifyCustomer, policy, request(s, firstRevision), nil)
	s.midway = false
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
	if s.midway || cause == nil && !s.settled {
		return cause
	}
	if cause != nil {
		s.progress.skipPending()
		s.settle(contract.SagaCompensated)
		if s.tellsOfUndoing(cause) {
			s.notify(orderUndone)
		} else {
			s.progress.step(contract.StepNotifyCustomer).State = contract.StepSkipped
			s.progress.publish(s.backward)
		}
	}
	s.awaitRecorded()
	_ = workflow.Await(s.backward, func() bool { return workflow.AllHandlersFinished(s.backward) })
	if cause == nil {
		return nil
	}
	if temporal.IsCanceledError(cause) {
		return temporal.NewCanceledError(s.progress.snapshot())
	}
	return temporal.NewApplicationErrorWithOptions(
		"order undone: "+s.endedBy(cause), contract.ErrorSagaFailed,
		temporal.ApplicationErrorOptions{
			NonRetryable: true,
			Category:     temporal.ApplicationErrorCategoryBenign,
			Details:      []any{s.progress.snapshot()},
		})
}

// tellsOfUndoing reports whether the customer gets a message that the order was
// undone. One that never came to be has no end to tell of: whoever asked for it
// has its answer at the gateway. It may even be another's ID, whose customer
// would be told of an order that is well.
//
// Orders that began before that rule send their message all the same.
func (s *saga) tellsOfUndoing(cause error) bool {
	switch {
	case s.orphan():
		return false
	case !s.creationRefused(cause):
		return true
	default:
		return workflow.GetVersion(s.backward, silentRefusal, workflow.DefaultVersion, 1) == workflow.DefaultVersion
	}
}

// silentRefusal is the change by which a refused creation sends no message.
const silentRefusal = "silent-refusal"

// endedBy names what ended the order, without a customer's words.
func (s *saga) endedBy(cause error) string {
	if s.in.Recovery != nil {
		return "recovered: " + s.in.Recovery.Reason
	}
	return s.failedStep + ": " + kindOf(cause)
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
