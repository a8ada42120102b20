package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// turns are what turns an order back at its second step.
func turns() map[string]func(*run) {
	return map[string]func(*run){
		"cancelled": func(r *run) { r.cancelAt(3 * time.Second) },
		"cancelled by Temporal": func(r *run) {
			r.env.RegisterDelayedCallback(r.env.CancelWorkflow, 3*time.Second)
		},
		"past the deadline": func(r *run) { r.way.Deadline = 3 * time.Second },
		"no answer":         func(*run) {},
		// The lost task may have had the last ones.
		"out of stock": func(r *run) {
			r.services.answer(contract.StepReserveInventory, forever(problem.New(problem.OutOfStock, "no")))
		},
	}
}

// turned is an order that turns back at its second step, in the repetition of a
// workflow task that was lost. What that has done, the services know.
func turned(t *testing.T, way contract.Settings, turn func(*run)) *run {
	run := newRun(t, way)
	run.loseFirstTask()
	run.services.answer(contract.StepReserveInventory, forever(away()))
	turn(run)
	return run
}

func TestWhoTurnsBackUndoesWhatALostTaskMayHaveDone(t *testing.T) {
	for name, turn := range turns() {
		t.Run(name, func(t *testing.T) {
			run := turned(t, contract.Settings{}, turn)
			run.execute()

			require.Error(t, run.env.GetWorkflowError())
			require.Equal(t, backward[contract.StepShipOrder], run.services.compensations())
			require.Zero(t, run.services.count(contract.StepChargePayment), "it takes no step any more")
			require.Equal(t, 1, run.services.count(contract.FindShipment))
		})
	}
}

func TestWhoTurnsBackWithTheParcelAtTheCarrierGoesForward(t *testing.T) {
	for name, turn := range turns() {
		t.Run(name, func(t *testing.T) {
			run := turned(t, contract.Settings{}, turn)
			run.services.shippedBefore()
			run.execute()

			require.NoError(t, run.env.GetWorkflowError())
			require.Empty(t, run.services.compensations())
			require.Equal(t, "TRACK-7", run.services.completed.TrackingNumber)
			require.Equal(t, order.SagaCompleted, run.services.completed.Saga.State)
			for _, step := range run.services.completed.Saga.Steps {
				require.Equal(t, order.SagaStep{Name: step.Name, State: "done"}, step)
			}
		})
	}
}

func TestACancellationIsAnsweredWhenItIsDecided(t *testing.T) {
	for name, test := range map[string]struct {
		lost  func(*services)
		heard string
	}{
		"undone":  {func(*services) {}, ""},
		"shipped": {(*services).shippedBefore, contract.ErrorTooLate},
	} {
		t.Run(name, func(t *testing.T) {
			run := newRun(t, contract.Settings{})
			run.loseFirstTask()
			run.services.answer(contract.StepReserveInventory, forever(away()))
			test.lost(run.services)
			run.services.answer(contract.FindShipment, append(times(5, away()), nil))
			answers := run.cancelAt(3*time.Second, 4*time.Second)
			hold := run.send(5*time.Second, contract.UpdateHold, holdRequest())
			early := false
			run.env.RegisterDelayedCallback(func() {
				early = answers[0].refused != nil || answers[0].progress != nil
			}, 6*time.Second)
			run.execute()

			require.False(t, early, "nobody knows it yet")
			require.Equal(t, test.heard, typeOf(answers[0].refused))
			require.Equal(t, contract.ErrorAlreadyCancelled, typeOf(answers[1].refused))
			require.Equal(t, contract.ErrorAlreadyCancelled, typeOf(hold.refused))
		})
	}
}

// The order has failed by itself: it was not the cancellation that undid it.
// Updates that wait for days would leave no room for those of operators.
func TestACancellationDoesNotWaitForAnOrderThatHasTurnedBackByItself(t *testing.T) {
	run := newRun(t, contract.Settings{StepTimeout: 2 * time.Second})
	run.loseFirstTask()
	run.services.answer(contract.StepReserveInventory, forever(away()))
	run.services.answer(contract.FindShipment, append(times(5, away()), nil))
	answers := run.cancelAt(10 * time.Second)
	run.execute()

	require.Equal(t, contract.ErrorUndecided, typeOf(answers[0].refused))
	run.requireTurnedBack(contract.StepReserveInventory, "no answer in time: unavailable")
}

// Nothing leads on from the durable way of a step but what is in the history.
func TestOnTheDurableWayNobodyIsAskedUnlessTheFastAttemptWasARepetition(t *testing.T) {
	for name, turn := range turns() {
		t.Run(name, func(t *testing.T) {
			run := newRun(t, contract.Settings{})
			run.services.answer(contract.StepReserveInventory, forever(away()))
			turn(run)
			run.execute()

			require.Error(t, run.env.GetWorkflowError())
			require.Zero(t, run.services.count(contract.FindShipment))
			require.Equal(t, backward[contract.StepReserveInventory], run.services.compensations())
		})
	}
}

// The carrier does not answer, and need not be asked.
func TestACancellationOnTheDurableWayIsAnsweredAtOnce(t *testing.T) {
	for name, arrange := range map[string]func(*run){
		"no answer": func(r *run) { r.services.answer(contract.StepShipOrder, forever(away())) },
		"on hold":   func(r *run) { r.holdService(contract.StepShipOrder, contract.QueueShipping, 100, time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			run := newRun(t, contract.Settings{})
			arrange(run)
			answers := run.cancelAt(3 * time.Second)
			answered := false
			run.env.RegisterDelayedCallback(func() { answered = answers[0].progress != nil }, 3*time.Second+1)
			run.execute()

			require.True(t, answered)
			require.Zero(t, run.services.count(contract.FindShipment))
			require.Equal(t, backward[contract.StepShipOrder], run.services.compensations())
		})
	}
}

// Every workflow task but the first one may be a repetition.
func TestAFastAttemptAfterAWaitMayHaveBeenMadeBefore(t *testing.T) {
	for name, arrange := range map[string]func(*run){
		"a durable attempt": func(r *run) { r.services.answer(contract.StepReserveInventory, []error{away(), away(), nil}) },
		"a hold": func(r *run) {
			r.services.answer(contract.StepCreateOrder, []error{away(), away(), nil})
			r.send(100*time.Millisecond, contract.UpdateHold, holdRequest())
			r.send(20*time.Second, contract.UpdateRelease, holdRequest())
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := newRun(t, contract.Settings{})
			arrange(run)
			run.services.answer(contract.StepChargePayment, forever(away()))
			run.cancelAt(time.Minute)
			run.execute()

			require.Equal(t, 1, run.services.count(contract.FindShipment))
			require.Equal(t, backward[contract.StepShipOrder], run.services.compensations())
		})
	}
}

// A lost task may have seen the success, and have gone on with fast steps.
func TestACancellationThatComesWithTheSuccessOfADurableAttemptIsAnsweredWhenItIsDecided(t *testing.T) {
	for name, test := range map[string]struct {
		lost    func(*services)
		refused string
	}{
		"undone":  {func(*services) {}, ""},
		"shipped": {(*services).shippedBefore, contract.ErrorTooLate},
	} {
		t.Run(name, func(t *testing.T) {
			run := newRun(t, contract.Settings{})
			run.services.answer(contract.StepReserveInventory, []error{away(), nil})
			test.lost(run.services)
			together := &withSuccess{of: contract.StepReserveInventory, message: message{contract.UpdateCancel, cancelRequest()}}
			run.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{together}})
			run.execute()

			require.True(t, together.taken)
			require.Equal(t, test.refused, typeOf(together.refused))
			require.Zero(t, run.services.count(contract.StepChargePayment))
			require.Equal(t, 1, run.services.count(contract.FindShipment))
			require.Equal(t, test.refused == "", temporal.IsCanceledError(run.env.GetWorkflowError()))
		})
	}
}

// withSuccess gives a workflow a message when an activity has succeeded, before
// any of its other code runs: as the SDK does when both come in one workflow
// task.
type withSuccess struct {
	interceptor.WorkerInterceptorBase
	of      string
	message message

	taken   bool
	refused error
}

func (w *withSuccess) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	inbound := &handlers{with: w}
	inbound.Next = next
	return inbound
}

// handlers are those of the workflow's messages.
type handlers struct {
	interceptor.WorkflowInboundInterceptorBase
	with *withSuccess
}

func (h *handlers) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	results := &results{handlers: h}
	results.Next = outbound
	return h.Next.Init(results)
}

// results are those of the workflow's activities.
type results struct {
	interceptor.WorkflowOutboundInterceptorBase
	handlers *handlers
}

func (r *results) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	result := r.Next.ExecuteActivity(ctx, activityType, args...)
	with := r.handlers.with
	if activityType != with.of {
		return result
	}
	seen, see := workflow.NewFuture(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		err := result.Get(ctx, nil)
		see.SetError(err)
		if err == nil {
			with.taken = true
			_, with.refused = r.handlers.Next.ExecuteUpdate(ctx, &interceptor.UpdateInput{Name: with.message.update, Args: []any{with.message.request}})
		}
	})
	return seen
}

// The fence gives the same final answer to everybody; and what a lost task has
// scheduled on the durable way has never been.
func TestWhereNoLostTaskCanHaveGoneFurtherNobodyIsAsked(t *testing.T) {
	for name, arrange := range map[string]func(*run){
		"a refusal": func(r *run) { r.services.answer(contract.StepChargePayment, forever(refused())) },
		"no fast way": func(r *run) {
			r.loseFirstTask()
			r.way.FastWayOff = true
			r.services.answer(contract.StepChargePayment, forever(away()))
		},
		"no fast way from here": func(r *run) {
			r.loseFirstTask()
			r.way.DurableSteps = forward[2:7]
			r.services.answer(contract.StepChargePayment, forever(away()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := newRun(t, contract.Settings{})
			arrange(run)
			run.execute()

			require.Zero(t, run.services.count(contract.FindShipment))
			require.Equal(t, backward[contract.StepChargePayment], run.services.compensations())
		})
	}
}

func TestAQuestionWithoutAnAnswerCallsForAnOperator(t *testing.T) {
	run := turned(t, contract.Settings{}, turns()["cancelled"])
	run.services.shippedBefore()
	run.services.answer(contract.FindShipment, append(times(5, problem.New(problem.Conflict, "no")), nil))
	stuck := run.look(20 * time.Minute)
	var details string
	run.env.RegisterDelayedCallback(func() { details = run.details() }, 20*time.Minute)
	skip := run.send(21*time.Minute, contract.UpdateSkip, operator(contract.StepShipOrder))
	retry := run.send(22*time.Minute, contract.UpdateRetry, operator(contract.StepShipOrder))
	run.execute()

	require.Equal(t, contract.SagaBlocked, stuck.State)
	require.Equal(t, contract.StepBlocked, stepOf(*stuck, contract.StepShipOrder).State)
	require.Contains(t, details, "**blocked**: turning back, and asking how far it is: cancelled\n")
	require.Contains(t, details, "`POST /v1/ops/orders/"+orderID+"/compensations/ShipOrder/retry`")
	require.Equal(t, contract.ErrorNotSkippable, typeOf(skip.refused))
	require.NoError(t, retry.refused)
	require.NotContains(t, run.details(), "turning back")
	require.NoError(t, run.env.GetWorkflowError())
	require.Equal(t, contract.SagaCompleted, run.progress().State)
}

func TestTheUndoingOfAStepThatWasNeverBegunCanBeBlockedAndSettled(t *testing.T) {
	for update, state := range map[string]contract.StepState{contract.UpdateSkip: contract.StepSkipped, contract.UpdateResolve: contract.StepDone} {
		run := turned(t, contract.Settings{}, turns()["cancelled"])
		run.services.answer(contract.UndoChargePayment, forever(problem.New(problem.Conflict, "the account is closed")))
		blocked := run.look(30 * time.Minute)
		said := run.send(time.Hour, update, operator(contract.UndoChargePayment))
		run.execute()

		require.Equal(t, contract.SagaBlocked, blocked.State)
		charge := stepOf(*blocked, contract.StepChargePayment)
		require.Equal(t, contract.StepSkipped, charge.State)
		require.Equal(t, contract.StepBlocked, charge.Compensation.State)
		require.NoError(t, said.refused)
		charge = stepOf(run.progress(), contract.StepChargePayment)
		require.Equal(t, contract.StepSkipped, charge.State)
		require.Equal(t, state, charge.Compensation.State)
		require.Contains(t, charge.Compensation.Resolution, " by ops-jane: called the bank")
	}
}

// A fix that came with the lost task may be forgotten.
func TestWhoWaitedForAFixInVainUndoesTheOneThatMayBeLost(t *testing.T) {
	for name, turn := range map[string]func(*run){
		"the time is up": func(*run) {},
		"refused on the durable way": func(r *run) {
			r.services.answer(contract.StepChargePayment, append(times(1, away()), forever(declined())...))
			r.cancelAt(time.Minute)
		},
		"cancelled": func(r *run) { r.cancelAt(time.Minute) },
		"held, then cancelled": func(r *run) {
			r.send(time.Minute, contract.UpdateHold, holdRequest())
			r.cancelAt(2 * time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := newRun(t, withWindow(contract.Settings{}))
			run.services.answer(contract.StepChargePayment, forever(declined()))
			turn(run)
			run.execute()

			require.Len(t, run.services.refunded, 2)
			require.Equal(t, 2, run.services.refunded[0].Revision)
			require.Len(t, run.services.returned, 1)
		})
	}
}

func TestAnOrderOnHoldThatTurnsBackIsNotOnHold(t *testing.T) {
	run := newRun(t, contract.Settings{StepTimeout: 5 * time.Second})
	run.loseFirstTask()
	run.services.answer(contract.StepReserveInventory, forever(away()))
	run.services.answer(contract.FindShipment, append(times(5, away()), nil))
	run.send(time.Second, contract.UpdateHold, holdRequest())
	during := run.look(8 * time.Second)
	run.execute()

	require.Nil(t, during.Hold)
	require.False(t, temporal.IsCanceledError(run.env.GetWorkflowError()))
}
