package workflows_test

import (
	"context"
	"time"

	"orderflow/internal/problem"
	"orderflow/workflows/contract"
)

// story is a placement on a real server, with scripted services.
type story struct {
	way    contract.Settings
	script func(*services)
	// lost says that the first workflow task is lost when it has run its steps.
	lost bool
	// held says that a hold comes with the start.
	held bool
	// recovery makes it the second run of an order.
	recovery *contract.Recovery
	// drive sends messages; nil when none are needed.
	drive func(*recording)
}

// stories are the histories that "make histories" records: each way in which
// an order can end. Those that older versions have recorded stay, and must
// replay for as long as such orders may be under way: so do the files whose
// names are here no more, of orders that turned back without asking how far
// they were.
func stories() map[string]story {
	durably := contract.Settings{FastWayOff: true}
	all := map[string]story{
		"ships":                 {},
		"ships-durably":         {way: durably},
		"ships-after-a-retry":   {script: answers(contract.StepChargePayment, away(), nil)},
		"ships-before-deadline": {way: contract.Settings{Deadline: time.Hour}, script: answers(contract.StepChargePayment, away(), nil)},
		"ships-slowly":          {script: eachStepTakes(1200 * time.Millisecond)},
		"never-created":         {script: answers(contract.StepCreateOrder, problem.New(problem.KeyReused, "another order has this key"))},
	}
	for _, more := range []map[string]story{
		storiesOfTroubles(), storiesOfRetries(), storiesOfLostTasks(), storiesOfDeadlines(), storiesOfBlocks(), storiesOfHolds(), storiesOfFixes(),
		storiesOfRecoveries(),
	} {
		for name, story := range more {
			all[name] = story
		}
	}
	return all
}

// storiesOfTroubles are one for each step and trouble. A creation that was
// refused is told of in "never-created"; it was recorded while it still sent a
// message.
func storiesOfTroubles() map[string]story {
	short := contract.Settings{StepTimeout: 2 * time.Second}
	all := map[string]story{}
	for _, step := range undoable {
		if step != contract.StepCreateOrder {
			all["refused-at-"+step] = story{script: answers(step, refused())}
		}
		all["timeout-at-"+step] = story{way: short, script: answers(step, away())}
		all["cancelled-at-"+step] = story{script: answers(step, away()), drive: func(r *recording) {
			r.await(isAt(step, contract.StepRunning))
			r.send(contract.UpdateCancel, cancelRequest())
		}}
	}
	return all
}

// storiesOfLostTasks are of orders that a lost workflow task has taken further
// than the task after it.
func storiesOfLostTasks() map[string]story {
	once := answers(contract.StepReserveInventory, nil, away())
	return map[string]story{
		"turned-back-after-a-lost-task": {lost: true, script: once, drive: func(r *recording) {
			r.await(isAt(contract.StepReserveInventory, contract.StepRunning))
			r.send(contract.UpdateCancel, cancelRequest())
		}},
		"turned-back-then-shipped": {lost: true, way: contract.Settings{StepTimeout: 2 * time.Second}, script: func(s *services) {
			once(s)
			s.shippedBefore()
		}},
	}
}

// storiesOfRetries are those of the pause between the fast way and the durable
// one.
func storiesOfRetries() map[string]story {
	long := answers(contract.StepChargePayment, busy(30*time.Second))
	return map[string]story{
		"cancelled-before-the-retry": {script: long, drive: func(r *recording) {
			r.await(isAt(contract.StepChargePayment, contract.StepRunning))
			r.send(contract.UpdateCancel, cancelRequest())
		}},
		"deadline-before-the-retry": {way: contract.Settings{Deadline: 2 * time.Second}, script: long},
		"time-up-before-the-retry":  {way: contract.Settings{StepTimeout: 20 * time.Second}, script: long},
	}
}

func storiesOfDeadlines() map[string]story {
	short := contract.Settings{Deadline: 2 * time.Second}
	return map[string]story{
		"undone-at-deadline":      {way: short, script: answers(contract.StepChargePayment, away())},
		"deadline-at-CreateOrder": {way: short, script: answers(contract.StepCreateOrder, away())},
	}
}

func storiesOfBlocks() map[string]story {
	saying := func(update string) func(*recording) {
		return func(r *recording) {
			r.await(blockedNow)
			r.send(update, operator(contract.UndoChargePayment))
		}
	}
	return map[string]story{
		"blocked-then-retried":  {script: blockedOnce, drive: saying(contract.UpdateRetry)},
		"blocked-then-skipped":  {script: blockedForever, drive: saying(contract.UpdateSkip)},
		"blocked-then-resolved": {script: blockedForever, drive: saying(contract.UpdateResolve)},
		"two-compensations-blocked": {script: func(s *services) {
			blockedForever(s)
			s.answer(contract.UndoReserveInventory, forever(problem.New(problem.Conflict, "no such shelf")))
		}, drive: func(r *recording) {
			r.await(isUndoing(contract.StepReserveInventory, contract.StepBlocked))
			r.send(contract.UpdateResolve, operator(contract.UndoReserveInventory))
			r.send(contract.UpdateSkip, operator(contract.UndoChargePayment))
		}},
		"blocked-at-CancelOrder": {script: func(s *services) {
			s.answer(contract.StepChargePayment, forever(refused()))
			s.answer(contract.UndoCreateOrder, once(problem.New(problem.Conflict, "no")))
		}, drive: func(r *recording) {
			r.await(isUndoing(contract.StepCreateOrder, contract.StepBlocked))
			r.send(contract.UpdateRetry, operator(contract.UndoCreateOrder))
		}},
		"blocked-after-the-point-of-no-return": {script: answers(contract.StepCommitInventory, problem.New(problem.Conflict, "no"), nil), drive: func(r *recording) {
			r.await(isAt(contract.StepCommitInventory, contract.StepBlocked))
			r.send(contract.UpdateRetry, operator(contract.StepCommitInventory))
		}},
		"postponed-compensation": {script: func(s *services) {
			s.answer(contract.StepShipOrder, forever(refused()))
			s.answer(contract.UndoChargePayment, once(onHold()))
		}},
	}
}

func storiesOfHolds() map[string]story {
	byOperator := holdRequest()
	byOperator.Operator = true
	// heldAt puts the order on hold while the step fails a few times.
	heldAt := func(step string, request contract.HoldRequest, then func(*recording)) func(*recording) {
		return func(r *recording) {
			r.await(isAt(step, contract.StepRunning))
			r.send(contract.UpdateHold, request)
			if then != nil {
				r.await(isAt(step, contract.StepDone))
				then(r)
			}
		}
	}
	passing := answers(contract.StepReserveInventory, away(), away(), nil)
	return map[string]story{
		"created-while-held": {held: true, drive: func(r *recording) {
			r.await(isAt(contract.StepCreateOrder, contract.StepDone))
			r.send(contract.UpdateRelease, holdRequest())
		}},
		"waited-for-a-service-on-hold": {script: answers(contract.StepChargePayment, onHold(), nil)},
		"held-then-released": {script: passing, drive: heldAt(contract.StepReserveInventory, holdRequest(), func(r *recording) {
			r.send(contract.UpdateRelease, holdRequest())
		})},
		"released-by-an-operator": {script: passing, drive: heldAt(contract.StepReserveInventory, byOperator, func(r *recording) {
			r.send(contract.UpdateRelease, byOperator)
		})},
		"turned-back-from-a-hold": {script: passing, drive: heldAt(contract.StepReserveInventory, holdRequest(), func(r *recording) {
			r.send(contract.UpdateCancel, cancelRequest())
		})},
		"held-then-refused": {
			script: answers(contract.StepChargePayment, away(), away(), refused()),
			drive:  heldAt(contract.StepChargePayment, holdRequest(), nil),
		},
	}
}

func storiesOfFixes() map[string]story {
	long, short := contract.Settings{FixWindow: time.Hour}, contract.Settings{FixWindow: 2 * time.Second}
	fixing := func(step string, request contract.FixRequest) func(*recording) {
		return func(r *recording) {
			r.await(waitsAt(step))
			r.send(contract.UpdateFix, request)
		}
	}
	return map[string]story{
		"fixed-payment": {
			way: long, script: answers(contract.StepChargePayment, declined(), nil), drive: fixing(contract.StepChargePayment, otherCard()),
		},
		"fixed-address": {
			way: long, script: answers(contract.StepShipOrder, problem.New(problem.ShipmentRefused, "nobody lives there"), nil),
			drive: fixing(contract.StepShipOrder, otherAddress()),
		},
		"turned-back-without-another-fix": {
			way: short, script: answers(contract.StepChargePayment, declined()), drive: fixing(contract.StepChargePayment, otherCard()),
		},
	}
}

func storiesOfRecoveries() map[string]story {
	terminated := &contract.Recovery{Reason: "its workflow was terminated"}
	return map[string]story{
		"recovered-and-undone":  {recovery: terminated},
		"recovered-and-shipped": {recovery: terminated, script: (*services).shippedBefore},
		"recovered-after-a-resolved-refund": {recovery: &contract.Recovery{
			Reason:  "its workflow was terminated",
			Settled: []contract.Settlement{{Update: contract.UpdateResolve, OperatorRequest: operator(contract.StepChargePayment)}},
		}},
	}
}

// answers is a script for one step; the last answer stays.
func answers(step string, script ...error) func(*services) {
	return func(s *services) { s.answer(step, script) }
}

// eachStepTakes makes every step of a healthy order slow. So the workflow task
// outlasts its time, and is prolonged by the worker.
func eachStepTakes(took time.Duration) func(*services) {
	return func(s *services) {
		for _, step := range forward {
			s.always[step] = func(ctx context.Context) {
				select {
				case <-time.After(took):
				case <-ctx.Done():
				}
			}
		}
	}
}

func blockedForever(s *services) {
	s.answer(contract.StepShipOrder, forever(problem.New(problem.ShipmentRefused, "nobody lives there")))
	s.answer(contract.UndoChargePayment, forever(problem.New(problem.Conflict, "the account is closed")))
}

func blockedOnce(s *services) {
	blockedForever(s)
	s.answer(contract.UndoChargePayment, once(problem.New(problem.Conflict, "the account is closed")))
}

func blockedNow(p contract.Progress) bool {
	return p.State == contract.SagaBlocked && stepOf(p, contract.StepReserveInventory).State == contract.StepCompensated
}

func isAt(step string, state contract.StepState) func(contract.Progress) bool {
	return func(p contract.Progress) bool { return stepOf(p, step).State == state }
}

func isUndoing(step string, state contract.StepState) func(contract.Progress) bool {
	return func(p contract.Progress) bool {
		undone := stepOf(p, step).Compensation
		return undone != nil && undone.State == state
	}
}

func waitsAt(step string) func(contract.Progress) bool { return isAt(step, contract.StepWaiting) }

func cancelRequest() contract.CancelRequest {
	return contract.CancelRequest{Reason: "changed my mind", RequestedBy: "cust-ada"}
}
