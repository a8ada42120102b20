package workflows_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"orderflow/internal/problem"
	"orderflow/internal/rpc"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// forward are the calls of a healthy order.
var forward = []string{
	contract.StepCreateOrder, contract.StepReserveInventory, contract.StepChargePayment, contract.StepConfirmOrder,
	contract.StepShipOrder, contract.StepCommitInventory, contract.StepCompleteOrder, contract.StepNotifyCustomer,
}

// backward are the compensations after a failure at a step: everything that
// was tried, the failed step included, in reverse order, and the message.
var backward = map[string][]string{
	contract.StepCreateOrder:      {contract.UndoCreateOrder},
	contract.StepReserveInventory: {contract.UndoReserveInventory, contract.UndoCreateOrder},
	contract.StepChargePayment:    {contract.UndoChargePayment, contract.UndoReserveInventory, contract.UndoCreateOrder},
	contract.StepConfirmOrder:     {contract.UndoChargePayment, contract.UndoReserveInventory, contract.UndoCreateOrder},
	contract.StepShipOrder:        {contract.UndoShipOrder, contract.UndoChargePayment, contract.UndoReserveInventory, contract.UndoCreateOrder},
}

// undoOf names what undoes a step.
var undoOf = map[string]string{
	contract.StepCreateOrder: contract.UndoCreateOrder, contract.StepConfirmOrder: contract.UndoCreateOrder,
	contract.StepReserveInventory: contract.UndoReserveInventory,
	contract.StepChargePayment:    contract.UndoChargePayment,
	contract.StepShipOrder:        contract.UndoShipOrder,
}

var undoable = forward[:5]

func refused() error { return problem.New(problem.PaymentDeclined, "no") }

func away() error {
	return &rpc.Error{Target: "x", Reason: rpc.Unavailable, Err: errors.New("connection refused")}
}

// forever is a script whose last answer stays.
func forever(err error) []error { return []error{err} }

func once(err error) []error { return []error{err, nil} }

func eachWay(t *testing.T, test func(t *testing.T, way contract.Settings)) {
	t.Run("fast way", func(t *testing.T) { test(t, contract.Settings{}) })
	t.Run("durable way", func(t *testing.T) { test(t, contract.Settings{FastWayOff: true}) })
}

func TestAHealthyOrderShips(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, way)
		run.execute()

		require.NoError(t, run.env.GetWorkflowError())
		var result contract.PlaceOrderResult
		require.NoError(t, run.env.GetWorkflowResult(&result))
		require.Equal(t, contract.PlaceOrderResult{
			OrderID: orderID, TrackingNumber: "TRACK-1", Carrier: "simulated", CustomerNotified: true,
		}, result)
		require.Equal(t, forward, run.services.called())

		shipped := run.services.completed
		require.Equal(t, order.SagaCompleted, shipped.Saga.State)
		require.Len(t, shipped.Saga.Steps, len(forward)-1, "the message comes after the record")
		for _, step := range shipped.Saga.Steps {
			require.Equal(t, "done", step.State, step.Name)
		}
	})
}

func TestARefusedStepIsUndoneWithAllBeforeIt(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		for _, failing := range undoable[1:] {
			t.Run(failing, func(t *testing.T) {
				run := newRun(t, way)
				run.services.answer(failing, forever(refused()))
				run.execute()

				run.requireUndone(failing, "payment-declined: no")
			})
		}
	})
}

func TestAnOrderThatCannotBeCreatedHasNothingToUndo(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, way)
		run.services.answer(contract.StepCreateOrder, forever(problem.New(problem.Invalid, "no")))
		run.execute()

		require.Equal(t, contract.ErrorSagaFailed, typeOf(run.env.GetWorkflowError()))
		require.Equal(t, []string{contract.StepCreateOrder}, run.services.called(), "nobody is told of an order that never was")
		require.Nil(t, stepOf(run.progress(), contract.StepCreateOrder).Compensation)
		require.Equal(t, contract.StepSkipped, stepOf(run.progress(), contract.StepNotifyCustomer).State)
	})
}

func TestAnInputOfAnotherOrderIsRefused(t *testing.T) {
	run := newRun(t, contract.Settings{})
	run.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: "order-2", TaskQueue: contract.QueueOrders})
	run.execute()

	require.Equal(t, contract.ErrorInvalidInput, typeOf(run.env.GetWorkflowError()))
	require.Empty(t, run.services.called())
}

func TestAStepThatNeverAnswersIsUndoneToo(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		for _, failing := range undoable {
			t.Run(failing, func(t *testing.T) {
				run := newRun(t, way)
				run.services.answer(failing, forever(away()))
				run.execute()

				run.requireUndone(failing, "no answer in time: unavailable")
				// Temporal's test environment itself ends retries after ten.
				require.GreaterOrEqual(t, run.services.count(failing), 10)
			})
		}
	})
}

func TestAPassingFaultIsRetriedAndTheOrderShips(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		for _, failing := range forward {
			t.Run(failing, func(t *testing.T) {
				run := newRun(t, way)
				run.services.answer(failing, once(away()))
				run.execute()

				require.NoError(t, run.env.GetWorkflowError())
				require.Equal(t, 2, run.services.count(failing))
				require.Len(t, run.services.called(), len(forward)+1)
			})
		}
	})
}

func TestAfterTheCarrierAcceptedTheOrderOnlyGoesForward(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		for _, failing := range []string{contract.StepCommitInventory, contract.StepCompleteOrder} {
			t.Run(failing, func(t *testing.T) {
				run := newRun(t, way)
				// Refusals that no retry policy would repeat, for hours.
				run.services.answer(failing, append(times(20, problem.New(problem.Conflict, "no")), nil))
				blocked := false
				run.env.RegisterDelayedCallback(func() {
					blocked = run.progress().State == contract.SagaBlocked
				}, 10*time.Hour)
				run.execute()

				require.NoError(t, run.env.GetWorkflowError())
				require.True(t, blocked, "an operator sees it meanwhile")
				require.Empty(t, run.services.compensations())
				require.Equal(t, contract.SagaCompleted, run.progress().State)
			})
		}
	})
}

func TestACompensationThatFailsForGoodKeepsTheOthersGoingAndIsTriedAgain(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, way)
		run.services.answer(contract.StepShipOrder, forever(refused()))
		run.services.answer(contract.UndoChargePayment, append(times(5, problem.New(problem.Conflict, "the provider says no")), nil))
		var midway contract.Progress
		run.env.RegisterDelayedCallback(func() { midway = run.progress() }, 2*time.Minute+30*time.Second)
		run.execute()

		require.Equal(t, contract.SagaBlocked, midway.State)
		require.Equal(t, contract.StepBlocked, stepOf(midway, contract.StepChargePayment).State)
		require.Equal(t, contract.StepCompensated, stepOf(midway, contract.StepReserveInventory).State)
		require.Equal(t, 6, run.services.count(contract.UndoChargePayment))
		require.Equal(t, order.SagaCompensated, run.services.cancelled.Saga.State)
		called := run.services.compensations()
		require.Equal(t, contract.UndoCreateOrder, called[len(called)-1], "the end is recorded when all else is undone")
	})
}

func TestTheMessageNeverChangesAnOrder(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, way)
		run.services.answer(contract.StepNotifyCustomer, forever(away()))
		run.execute()

		require.NoError(t, run.env.GetWorkflowError())
		var result contract.PlaceOrderResult
		require.NoError(t, run.env.GetWorkflowResult(&result))
		require.False(t, result.CustomerNotified)
	})
}

func TestACancelledOrderIsUndoneInEveryPhase(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		for i, during := range undoable {
			t.Run(during, func(t *testing.T) {
				run := newRun(t, way)
				// The step is away, so that the cancellation meets it in flight.
				run.services.answer(during, forever(away()))
				run.services.answer(contract.UndoCreateOrder, once(away()))
				answers := run.cancelAt(3*time.Second, 3500*time.Millisecond)
				run.execute()

				require.True(t, temporal.IsCanceledError(run.env.GetWorkflowError()), "%v", run.env.GetWorkflowError())
				require.NoError(t, answers[0].refused)
				require.Equal(t, contract.ErrorAlreadyCancelled, typeOf(answers[1].refused))
				require.Equal(t, append(slices.Clone(backward[during]), contract.UndoCreateOrder), run.services.compensations())
				require.Equal(t, "changed my mind", run.services.cancelled.Reason)
				require.Equal(t, "skipped", run.services.cancelled.Saga.Steps[i+1].State)
			})
		}
	})
}

func TestACancellationThatMeetsARefusalStillClosesAsCancelled(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, way)
		run.services.answer(contract.StepChargePayment, []error{away(), refused()})
		// Accepted while the step is under way, which is then refused.
		run.services.during[contract.StepChargePayment] = func(context.Context) { run.cancelAt(0) }
		run.execute()

		require.True(t, temporal.IsCanceledError(run.env.GetWorkflowError()), "%v", run.env.GetWorkflowError())
		require.Equal(t, "changed my mind", run.services.cancelled.Reason)
	})
}

func TestACancellationNeedsAReason(t *testing.T) {
	run := newRun(t, contract.Settings{})
	run.services.answer(contract.StepChargePayment, []error{away(), away(), nil})
	heard := &answer{}
	run.env.RegisterDelayedCallback(func() {
		run.env.UpdateWorkflow(contract.UpdateCancel, "no reason", heard, contract.CancelRequest{})
	}, 500*time.Millisecond)
	run.execute()

	require.Equal(t, contract.ErrorInvalidInput, typeOf(heard.refused))
	require.NoError(t, run.env.GetWorkflowError())
}

func TestWhatTravelsIntoTheServicesIsOnePlainLine(t *testing.T) {
	run := newRun(t, contract.Settings{})
	run.services.answer(contract.StepShipOrder, forever(problem.New(problem.ShipmentRefused, "no\r\n\x00"+strings.Repeat("ä", 2000))))
	run.execute()

	reason := run.services.cancelled.Reason
	require.NotContains(t, reason, "\n")
	require.NotContains(t, reason, "\x00")
	require.Equal(t, 500, utf8.RuneCountInString(reason))
}

func TestAfterTheCarrierAcceptedItIsTooLateToCancel(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, way)
		run.services.answer(contract.StepCommitInventory, append(times(3, away()), nil))
		answers := run.cancelAt(500 * time.Millisecond)
		run.execute()

		require.NoError(t, run.env.GetWorkflowError())
		require.Equal(t, contract.ErrorTooLate, typeOf(answers[0].refused))
	})
}

func TestTemporalsOwnCancelUndoesTheOrder(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, way)
		run.services.answer(contract.StepChargePayment, forever(away()))
		run.env.RegisterDelayedCallback(run.env.CancelWorkflow, 3*time.Second)
		run.execute()

		require.True(t, temporal.IsCanceledError(run.env.GetWorkflowError()))
		require.Equal(t, backward[contract.StepChargePayment], run.services.compensations())
	})
}

func TestWhoAwaitsTheOutcomeHearsItBeforeTheCustomerIsTold(t *testing.T) {
	run := newRun(t, contract.Settings{})
	run.services.answer(contract.StepChargePayment, once(away()))
	run.services.answer(contract.StepNotifyCustomer, forever(away()))
	outcome := run.awaitOutcomeAt(100 * time.Millisecond)
	run.execute()

	require.NoError(t, run.env.GetWorkflowError())
	require.NotNil(t, outcome.progress)
	require.Equal(t, contract.SagaCompleted, outcome.progress.State)
	require.NotEqual(t, contract.StepFailed, stepOf(*outcome.progress, contract.StepNotifyCustomer).State)
}

func times(n int, err error) []error {
	script := make([]error, n)
	for i := range script {
		script[i] = err
	}
	return script
}
