package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"

	"orderflow/services/shipping"
	"orderflow/workflows/contract"
)

// A workflow task runs fast steps one after the other, and the server hears of
// them when it ends. When the task is lost with its worker they have happened,
// and no history knows. The next task runs them again, and their keys make that
// harmless, unless something turns the order back before it has come as far: a
// cancellation that arrives with the task, the deadline, a service that does not
// answer this time. Only some of the effects would be undone then. And a worker
// that was frozen, and not killed, may even go on with the steps after them.
//
// So an order that turns back does as a recovery does: it takes the steps that
// it has not come to as tried, and asks how far the order is. Either it can only
// go forward, and is finished; or everything is undone, the last step first, and
// what a frozen worker still sends meets a tombstone.
//
// A service's final refusal needs none of this: the fence keeps it as it keeps
// any other answer, so that the lost task has got the same one and has gone no
// further. One refusal is not kept, that of stock which was short. A frozen
// worker that asks for it again after the refusal, before the release has left
// its tombstone, may find some, and charge. Then the charge is one of an order
// that has ended, and is found by the reconciler.

// turnBack takes in why a step has not gone through; nil when it has. It returns
// the reason when the order is to be undone at once. Else the story goes on
// without taking its steps, to the carrier.
func (s *saga) turnBack(step string, reason error, shipment any) error {
	if reason != nil {
		s.progress.passBy(step)
	}
	if reason == nil || s.refusedForGood(step, reason) || !s.mayBeAhead(step) || !s.asksBeforeUndoing(s.backward) {
		return reason
	}
	s.turnedBack = reason
	s.progress.cause = "turning back, and asking how far it is: " + explain(reason)
	s.letGo(s.backward)
	return s.pass(step, shipment)
}

// refusedForGood reports whether a lost task cannot have gone further than the
// step. It can when the step has waited for a fix: a fix that came with the lost
// task may be forgotten.
func (s *saga) refusedForGood(step string, reason error) bool {
	return s.forward.Err() == nil && !mayPass(reason) && s.unfixed != step
}

// mayBeAhead reports whether a lost task may have taken the step, or one after
// it, up to the last one before which the order can turn back. The durable way
// is no question: what a lost task has scheduled has never been.
func (s *saga) mayBeAhead(step string) bool {
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

// pass stands in for the steps of an order that has turned back. At the carrier
// it returns the reason for that; nil when the order can only go forward.
func (s *saga) pass(step string, shipment any) error {
	s.progress.passBy(step)
	s.progress.publish(s.backward)
	if step != contract.StepShipOrder {
		return nil
	}
	if s.shippedByLostTask(shipment.(*shipping.Shipment)) {
		return nil
	}
	return s.turnedBack
}

// shippedByLostTask asks whether the order can only go forward. Nothing can be
// decided without an answer, so it does not give up: after as long as a step may
// take, it calls for an operator and asks again.
func (s *saga) shippedByLostTask(shipment *shipping.Shipment) bool {
	at := s.progress.step(contract.StepShipOrder)
	before := *at
	policy := s.undoPolicy()
	ask := func(ctx workflow.Context) error {
		finished, err := s.finishedByLostRun(ctx, policy, shipment)
		if finished {
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
	return s.noReturn
}

// undecided says that the order has turned back, and that it is not known yet
// whether it can.
func (s *saga) undecided() bool {
	return (s.asked || s.turnedBack != nil) && s.cause == nil && !s.noReturn
}

// awaitDecision returns whether the order is undone.
func (s *saga) awaitDecision(ctx workflow.Context) (undone bool) {
	// Temporal's own cancellation does not decide it either.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	_ = workflow.Await(ctx, func() bool { return s.cause != nil || s.noReturn })
	return s.cause != nil
}
