package workflows

import (
	"cmp"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"orderflow/services/shipping"
	"orderflow/workflows/contract"
)

// saga runs the steps of one order and undoes them.
type saga struct {
	in       contract.PlaceOrderInput
	progress *progress
	// revisions counts a step's fixes; see revision.
	revisions map[string]int
	// unfixed is the step that has waited for a fix in vain.
	unfixed string
	// shipment is there after the point of no return.
	shipment shipping.Shipment

	// forward is the context of the steps. Cancelling it, by Temporal, the
	// customer or the deadline, never reaches a compensation.
	forward       workflow.Context
	cancelForward workflow.CancelFunc
	// backward is the context of everything that must happen all the same.
	backward workflow.Context

	cancellation *contract.CancelRequest
	deadline     deadline
	whereabouts  whereabouts
	// turnedBack is why the order has left its way before it was known whether
	// it can be undone; see lost.go. asking: it has to find that out.
	turnedBack error
	asking     bool
	cause      error // why the order is undone
	failedStep string
	noReturn   bool
	// midway is true while a compensation, or the message at the end, is under
	// way. When Temporal evicts the workflow then, its goroutine exits through
	// the remaining deferred functions: they must not act.
	midway  bool
	settled bool

	blocked       map[string]*blocked
	postponed     int // compensations that wait for the release of a service
	fixed         bool
	interventions interventions
	dependencies  map[string]*dependency // by task queue
}

// request makes what an activity is called with, for one revision of its step.
type request func(s *saga, revision int) any

// newSaga refuses an input that does not belong to this workflow: keys are
// made of the order's ID, and another order's effects must never be undone
// here.
func newSaga(ctx workflow.Context, in contract.PlaceOrderInput) (*saga, error) {
	if id := workflow.GetInfo(ctx).WorkflowExecution.ID; in.OrderID != id {
		return nil, temporal.NewNonRetryableApplicationError(
			fmt.Sprintf("order %s cannot be placed by workflow %s", in.OrderID, id), contract.ErrorInvalidInput, nil)
	}
	s := &saga{
		in:           in,
		progress:     newProgress(in.OrderID),
		revisions:    map[string]int{},
		blocked:      map[string]*blocked{},
		dependencies: map[string]*dependency{},
		whereabouts:  newWhereabouts(workflow.GetInfo(ctx)),
	}
	s.forward, s.cancelForward = workflow.WithCancel(ctx)
	s.backward, _ = workflow.NewDisconnectedContext(ctx)
	s.progress.publish(ctx)
	return s, s.listen(ctx)
}

// do runs one step forward. It returns nil when the story goes on.
func (s *saga) do(step string, activity any, request request, answer any) error {
	switch {
	case s.in.Recovery != nil:
		return s.takeAsTried(step, answer)
	case s.turnedBack != nil:
		return s.skipToCarrier(step, answer)
	}
	reason := s.take(step, activity, request, answer)
	if reason == nil {
		return nil
	}
	s.progress.passBy(step)
	if s.mustAsk(step, reason) {
		return s.turnBack(step, reason, answer)
	}
	return reason
}

// take tries to take one step. It returns nil when the step has happened and
// the order is still wanted.
func (s *saga) take(step string, activity any, request request, answer any) error {
	for {
		s.awaitTurn(step)
		if s.forward.Err() != nil {
			return s.stopped(step)
		}
		s.progress.step(step).State = contract.StepRunning
		s.progress.publish(s.forward)
		err := s.call(s.forward, step, activity, s.stepPolicy(), request(s, s.revision(step)), answer)
		if err != nil && s.forward.Err() == nil && s.awaitFix(step, err) {
			continue
		}
		switch {
		case s.forward.Err() != nil && err == nil:
			// The step has happened, but the cancellation was promised.
			s.progress.step(step).State = contract.StepDone
			err = s.stopped(step)
		case s.forward.Err() != nil:
			err = s.stopped(step)
			s.progress.fail(step, explain(err))
		case err != nil:
			s.failedStep = step
			s.progress.fail(step, explain(err))
		default:
			s.progress.step(step).State = contract.StepDone
		}
		s.progress.publish(s.forward)
		return err
	}
}

// stopped says why the forward context was cancelled.
func (s *saga) stopped(step string) error {
	if s.deadline.passed && s.cancellation == nil {
		s.failedStep = step
		return refusal(contract.ErrorDeadline, "the order could not be placed in time")
	}
	return temporal.NewCanceledError()
}

func (s *saga) stepPolicy() durablePolicy {
	return durablePolicy{scheduleToClose: cmp.Or(s.in.Settings.StepTimeout, stepTimeout)}
}

// undoPolicy bounds a compensation. A short time for steps must not make an
// outage the operators' work.
func (s *saga) undoPolicy() durablePolicy {
	return durablePolicy{scheduleToClose: max(s.in.Settings.StepTimeout, stepTimeout)}
}

// revision counts what was tried of a step: 1, and one more for each fix.
func (s *saga) revision(step string) int { return firstRevision + s.revisions[step] }

// compensate undoes one step if the order failed. It is meant to be deferred
// before the step runs. A compensation that fails, for good or for as long as
// a step may take, is parked and does not keep the others from running. One
// that an operator has settled in an earlier run is not run again.
func (s *saga) compensate(err *error, step string, activity any, request request) {
	if *err == nil || s.midway {
		return
	}
	s.beginUndoing(*err)
	s.progress.beginUndo(step)
	if word := s.settledBefore(step); word != nil {
		as, resolution := outcomeOf(*word)
		s.progress.resolveUndo(step, as, resolution)
		s.progress.publish(s.backward)
	} else {
		s.progress.publish(s.backward)
		undo := func(ctx workflow.Context) error { return s.undo(ctx, step, activity, request) }
		s.finishUndo(step, undo(s.backward), undo)
	}
	s.midway = false
}

func (s *saga) beginUndoing(cause error) {
	s.letGo(s.backward) // what is undone is not on hold
	s.midway, s.cause = true, cause
	switch {
	case s.cancellation != nil:
		s.progress.cause = "cancelled by " + s.cancellation.RequestedBy + ": " + plain(s.cancellation.Reason)
	case s.failedStep != "":
		s.progress.cause = s.failedStep + ": " + explain(cause)
	default:
		s.progress.cause = explain(cause)
	}
}

// finishUndo looks at what became of a compensation. Neither a failure nor a
// service on hold keeps the other compensations waiting.
func (s *saga) finishUndo(step string, failure error, undo func(workflow.Context) error) {
	switch {
	case failure == nil:
		s.progress.endUndo(step)
	case onHold(failure):
		s.postponed++
		s.progress.delayUndo(step, queueOf[compensationOf[step]]+" was on hold")
		workflow.Go(s.backward, func(ctx workflow.Context) {
			s.awaitDependency(ctx, compensationOf[step])
			s.finishUndo(step, undo(ctx), undo)
			s.postponed--
		})
	default:
		s.park(step, failure, undo)
	}
	s.progress.publish(s.backward)
}

// compensateLast undoes the step that stands for the order itself. It records
// the end of the whole saga, so it comes when all else is undone, and is tried
// until it succeeds. An order that the order service would not create has
// nothing there to be cancelled.
func (s *saga) compensateLast(err *error, step string, activity any, request request) {
	if *err == nil || s.midway {
		return
	}
	s.beginUndoing(*err)
	nothingThere := s.creationRefused(*err) || s.orphan()
	created := s.progress.step(step).State == contract.StepDone
	if nothingThere {
		s.progress.State = contract.SagaCompensating
	} else {
		s.progress.beginUndo(step)
	}
	s.awaitOthersUndone(compensationOf[step])
	if created {
		// Else there may be no order yet that could keep a decision.
		s.awaitRecorded()
	}
	if !nothingThere {
		undo := func(ctx workflow.Context) error {
			return s.patiently(ctx, compensationOf[step], func() error { return s.undo(ctx, step, activity, request) })
		}
		if failure := undo(s.backward); failure != nil {
			s.progress.blockUndo(step, explain(failure))
			s.persist(s.backward, s.block(step, false), "Undo again: "+step, undo,
				func(failure error) { s.progress.blockUndo(step, explain(failure)) })
		}
		s.progress.endUndo(step)
	}
	s.progress.publish(s.backward)
	s.midway = false
}

// creationRefused reports whether the order service would not have the order.
// When the deadline stopped the creation, it may have happened.
func (s *saga) creationRefused(err error) bool {
	return s.failedStep == contract.StepCreateOrder && !s.deadline.passed && !mayPass(err)
}

// undo runs the compensation of a step, for every revision that was tried and
// the last one first: always the durable way, because compensations are rare
// and an operator must see each as an activity of its own.
func (s *saga) undo(ctx workflow.Context, step string, activity any, request request) (failure error) {
	policy := s.undoPolicy()
	for revision := s.lastTried(step); revision >= firstRevision; revision-- {
		policy.summary = "Undo: " + step
		if s.lastTried(step) > firstRevision {
			policy.summary += fmt.Sprintf(", revision %d", revision)
		}
		err := s.callDurably(ctx, compensationOf[step], activity, policy, request(s, revision), nil)
		failure = cmp.Or(failure, err)
	}
	return failure
}

// passPointOfNoReturn refuses every cancellation from now on.
func (s *saga) passPointOfNoReturn(shipment shipping.Shipment) {
	s.noReturn, s.shipment = true, shipment
}

// mustDo runs a step after the point of no return. It does not give up: there
// is no way back, so it blocks the saga and tries again.
func (s *saga) mustDo(step string, activity any, request request) {
	if step == contract.StepCompleteOrder {
		s.awaitRecorded()
	}
	s.progress.step(step).State = contract.StepRunning
	s.progress.publish(s.backward)
	try := func(ctx workflow.Context) error {
		return s.call(ctx, step, activity, s.stepPolicy(), request(s, firstRevision), nil)
	}
	stuck := func(failure error) {
		s.progress.step(step).State, s.progress.step(step).Error = contract.StepBlocked, explain(failure)
	}
	if failure := try(s.backward); failure != nil {
		stuck(failure)
		s.persist(s.backward, s.block(step, false), "Try again: "+step, try, stuck)
	}
	s.progress.step(step).State, s.progress.step(step).Error = contract.StepDone, ""
}

// pause waits in a timer that an operator can read, unless there is nothing to
// wait for.
func pause(ctx workflow.Context, wait time.Duration, summary string, until func() bool) {
	if until() {
		return
	}
	timer, stop := workflow.WithCancel(ctx)
	// The error is that of a cancelled context, which the caller looks at.
	_, _ = workflow.AwaitWithOptions(timer, workflow.AwaitOptions{
		Timeout: wait, TimerOptions: workflow.TimerOptions{Summary: summary},
	}, until)
	// Else the timer would go on, and wake the order for nothing. Not deferred:
	// an eviction must not run it.
	stop()
}
