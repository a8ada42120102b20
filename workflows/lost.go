package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"orderflow/services/shipping"
	"orderflow/workflows/contract"
)

// A workflow task runs fast steps one after the other, and the server hears of
// them when it ends. When the task is lost with its worker they have happened,
// and no history knows. The task after it runs them again, and their keys make
// that harmless, unless something turns the order back before it has come as
// far. Only some of the effects would be undone then. And a worker that was
// frozen, and not killed, may even go on with the steps after them.
//
// So an order that turns back where a lost task may be ahead does as a recovery
// does: it takes the steps that it has not come to as tried, and asks how far it
// is. Either it can only go forward, and is finished; or everything is undone,
// the last step first, and what a frozen worker still sends meets a tombstone.
//
// Where may a lost task be ahead?
//
//   - Between two steps, at a hold, at a wait for a fix, in a fast attempt, and
//     when a durable attempt has succeeded: what ends the wait may have come with
//     the lost task, which has gone on with fast steps. The order asks.
//   - On the durable way of a step, its pauses and a hold of its service
//     included: nothing but commands leads on from there, and a lost task's
//     commands have never been. The result of an attempt is an event, which every
//     later task sees, and sees first: the SDK takes in the events of a task,
//     then its updates, and then runs the story. The order need not ask, if the
//     next point leaves no doubt.
//   - A fast attempt that fails may be the repetition of one that succeeded in
//     a lost task. Then the order comes to the durable way and is behind. But a
//     lost task leaves an event, that of its end by timeout or failure: an attempt
//     that ends in a task with nothing before it is no repetition. Of any other,
//     nobody knows.
//   - A service's final refusal leads back at once. The order need not ask under
//     the same condition as on the durable way. A lost task may have had another
//     answer: stock that is short now was there, a second card was tried that
//     nobody remembers.

// whereabouts is what an order's history tells about how far it is.
type whereabouts struct {
	// mayRepeat: a fast attempt may have been made before, in a lost task.
	mayRepeat bool
	// waitsOnCommand: the step under way has left the fast way, and has not
	// succeeded.
	waitsOnCommand bool
	// attempt is the durable attempt under way; nil between two.
	attempt workflow.Future
}

// lengthAtFirstTask is how long a history is in its first workflow task when
// none was lost before: the workflow's start, the task's scheduling and its
// start. What else may come before makes it longer, and the order more careful.
const lengthAtFirstTask = 3

// newWhereabouts takes in that a run which "temporal workflow reset" has begun
// repeats what another has done, however far that has come.
func newWhereabouts(info *workflow.Info) whereabouts {
	return whereabouts{mayRepeat: info.OriginalRunID != "" && info.OriginalRunID != info.WorkflowExecution.RunID}
}

// triedFast takes in that a fast attempt has ended.
func (w *whereabouts) triedFast(ctx workflow.Context) {
	if workflow.GetInfo(ctx).GetCurrentHistoryLength() > lengthAtFirstTask {
		w.mayRepeat = true
	}
}

// leaveFastWay takes in that only commands lead on: the pause before the first
// durable attempt is a timer.
func (w *whereabouts) leaveFastWay() { w.waitsOnCommand = true }

// await returns the error of a durable attempt.
func (w *whereabouts) await(ctx workflow.Context, attempt workflow.Future, answer any) error {
	w.waitsOnCommand, w.attempt = true, attempt
	err := attempt.Get(ctx, answer)
	w.waitsOnCommand, w.attempt = err != nil, nil
	return err
}

// leaveDurableWay takes in that the durable way, if any, is left behind.
func (w *whereabouts) leaveDurableWay() { w.waitsOnCommand = false }

// nobodyAhead reports whether no lost task can have gone further: no fast attempt
// was a repetition, and the order waits for what only a command of its own has
// begun. That has no result yet, or the story may have gone on from it.
func (w *whereabouts) nobodyAhead() bool {
	return !w.mayRepeat && w.waitsOnCommand && (w.attempt == nil || !w.attempt.IsReady())
}

// mustAsk reports whether an order that cannot go on with a step has to ask how
// far it is.
func (s *saga) mustAsk(step string, reason error) bool {
	return !s.whereabouts.nobodyAhead() && !s.refusedForGood(step, reason) && s.fastWayFrom(step) && s.asksBeforeUndoing(s.backward)
}

// refusedForGood reports whether a service has said its last word, to everybody.
// It may not have been the last one when the step has waited for a fix: a fix that
// came with the lost task may be forgotten.
func (s *saga) refusedForGood(step string, reason error) bool {
	return !s.whereabouts.mayRepeat && s.forward.Err() == nil && !mayPass(reason) && s.unfixed != step
}

// fastWayFrom reports whether the step, or one after it, takes the fast way, up
// to the last one that a lost task of an undone order can have run. Who does not
// know the step gives the first one, and may ask for nothing.
func (s *saga) fastWayFrom(step string) bool {
	all := contract.Steps()
	from, to := slices.Index(all, step), slices.Index(all, contract.StepCommitInventory)
	return slices.ContainsFunc(all[from:to+1], s.takesFastWay)
}

// asksBeforeUndoing is false for orders that have turned back before this rule.
// It is asked only where an order turns back, so that others pay nothing for it.
func (s *saga) asksBeforeUndoing(ctx workflow.Context) bool {
	return workflow.GetVersion(ctx, lostTask, workflow.DefaultVersion, 1) != workflow.DefaultVersion
}

// lostTask is the change by which an order that turns back asks how far it is.
const lostTask = "lost-task"

// turnBack takes no step any more. The story goes on to the carrier, so that the
// compensations of all steps are registered on the way.
func (s *saga) turnBack(step string, reason error, shipment any) error {
	s.asking, s.turnedBack = true, reason
	s.progress.cause = "turning back, and asking how far it is: " + explain(reason)
	s.letGo(s.backward)
	return s.skipToCarrier(step, shipment)
}

// skipToCarrier stands in for the steps of an order that has turned back. At the
// carrier it returns the reason for that; nil when the order can only go forward.
func (s *saga) skipToCarrier(step string, shipment any) error {
	s.progress.passBy(step)
	s.progress.publish(s.backward)
	if step != contract.StepShipOrder {
		return nil
	}
	if s.decide(shipment.(*shipping.Shipment)); s.noReturn {
		return nil
	}
	return s.turnedBack
}

// decide asks whether the order can only go forward. Nothing can be decided
// without an answer, so it does not give up: after as long as a step may take, it
// calls for an operator and asks again.
func (s *saga) decide(shipment *shipping.Shipment) {
	at := s.progress.step(contract.StepShipOrder)
	before := *at
	policy := s.undoPolicy()
	ask := func(ctx workflow.Context) error {
		forward, err := s.canOnlyGoForward(ctx, policy, shipment)
		if forward {
			s.failedStep = ""
			s.passPointOfNoReturn(*shipment)
		}
		return err
	}
	at.State = contract.StepRunning
	s.progress.publish(s.backward)
	stuck := func(failure error) { at.State, at.Error = contract.StepBlocked, explain(failure) }
	if failure := ask(s.backward); failure != nil {
		stuck(failure)
		s.persist(s.backward, s.block(contract.StepShipOrder, false), "Ask again: "+contract.StepShipOrder, ask, stuck)
	}
	*at = before
	if s.noReturn {
		s.progress.cause = ""
		s.progress.doneUntil(contract.StepShipOrder)
	}
}

// undecided says that the order has turned back, and that it is not known yet
// whether it can.
func (s *saga) undecided() bool { return s.asking && s.cause == nil && !s.noReturn }

// awaitDecision returns whether the order is undone.
func (s *saga) awaitDecision(ctx workflow.Context) (undone bool) {
	// Temporal's own cancellation does not decide it either.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	_ = workflow.Await(ctx, func() bool { return !s.undecided() })
	return s.cause != nil
}
