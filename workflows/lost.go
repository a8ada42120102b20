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
//   - A service's final refusal: the fence gives the same one to everybody, so
//     the lost task has gone no further. The order need not ask. One refusal the
//     fence does not keep, that of stock which was short. A frozen worker that
//     asks for it again after the refusal, before the release has left its
//     tombstone, may find some, and charge. Then the charge is one of an order that
//     has ended, and is found by the reconciler.

// whereabouts is what an order's history tells about how far it is.
type whereabouts struct {
	// repeats: a fast attempt may have been made before, in a lost task.
	repeats bool
	// durably: the step under way has left the fast way, and has not succeeded.
	durably bool
	// attempt is the durable attempt under way; nil between two.
	attempt workflow.Future
}

// firstTask is the event by which the first workflow task of a history starts,
// when none was lost before: after the workflow's own start and the task's
// scheduling.
const firstTask = 3

// triedFast takes in that a fast attempt has ended.
func (w *whereabouts) triedFast(ctx workflow.Context) {
	if workflow.GetInfo(ctx).GetCurrentHistoryLength() > firstTask {
		w.repeats = true
	}
}

// leaveFastWay takes in that only commands lead on: the pause before the first
// durable attempt is a timer.
func (w *whereabouts) leaveFastWay() { w.durably = true }

// await returns the error of a durable attempt.
func (w *whereabouts) await(ctx workflow.Context, attempt workflow.Future, answer any) error {
	w.durably, w.attempt = true, attempt
	err := attempt.Get(ctx, answer)
	w.durably, w.attempt = err != nil, nil
	return err
}

// moveOn takes in that the durable way, if any, is left behind.
func (w *whereabouts) moveOn() { w.durably = false }

// known reports whether no lost task can be ahead. It can when the attempt has a
// result that the story has not come to see.
func (w *whereabouts) known() bool {
	return w.durably && !w.repeats && (w.attempt == nil || !w.attempt.IsReady())
}

// mustAsk reports whether an order that cannot go on with a step has to ask how
// far it is.
func (s *saga) mustAsk(step string, reason error) bool {
	return !s.whereabouts.known() && !s.refusedForGood(step, reason) && s.fastWayFrom(step) && s.asksBeforeUndoing(s.backward)
}

// refusedForGood reports whether a service has said its last word. It may not
// have been the last one when the step has waited for a fix: a fix that came with
// the lost task may be forgotten.
func (s *saga) refusedForGood(step string, reason error) bool {
	return s.forward.Err() == nil && !mayPass(reason) && s.unfixed != step
}

// fastWayFrom reports whether the step, or one after it, takes the fast way, up
// to the last one that a lost task of an undone order can have run.
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
			s.passPointOfNoReturn(*shipment)
		}
		return err
	}
	stuck := func(failure error) { at.State, at.Error = contract.StepBlocked, explain(failure) }
	if failure := ask(s.backward); failure != nil {
		stuck(failure)
		s.persist(s.backward, s.block(contract.StepShipOrder, false), "Ask again: "+contract.StepShipOrder, ask, stuck)
	}
	*at = before
	if s.noReturn {
		s.failedStep, s.progress.cause = "", ""
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
