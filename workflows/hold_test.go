package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

func holdRequest() contract.HoldRequest {
	return contract.HoldRequest{Reason: "called the bank", RequestedBy: "ops-jane"}
}

// slowStart is an order whose first steps take some seconds, so that messages
// meet it under way.
func slowStart(t *testing.T, way contract.Settings) *run {
	run := newRun(t, way)
	run.services.answer(contract.StepReserveInventory, []error{away(), away(), away(), nil})
	return run
}

func TestAHeldOrderWaitsBeforeItsNextStep(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := slowStart(t, way)
		hold := run.send(time.Second, contract.UpdateHold, holdRequest())
		twice := run.send(2*time.Second, contract.UpdateHold, holdRequest())
		during := run.look(48 * time.Hour)
		release := run.send(49*time.Hour, contract.UpdateRelease, holdRequest())
		early := run.send(500*time.Millisecond, contract.UpdateRelease, holdRequest())
		run.execute()

		require.NoError(t, run.env.GetWorkflowError())
		require.NoError(t, hold.refused)
		require.Equal(t, "ops-jane", hold.progress.Hold.By)
		require.Equal(t, contract.ErrorAlreadyHeld, typeOf(twice.refused))
		require.NoError(t, release.refused)
		require.Equal(t, contract.ErrorNotHeld, typeOf(early.refused))
		require.Equal(t, contract.SagaRunning, during.State)
		require.Equal(t, "called the bank", during.Hold.Reason)
		require.Equal(t, contract.StepDone, stepOf(*during, contract.StepReserveInventory).State, "the step under way was not interrupted")
		require.Equal(t, contract.StepPending, stepOf(*during, contract.StepChargePayment).State)
		require.Nil(t, run.progress().Hold)
		require.Equal(t, order.InterventionHold, run.services.recorded[0].Intervention.Action)
		require.Equal(t, order.InterventionRelease, run.services.recorded[1].Intervention.Action)
	})
}

func TestOnlyAnOperatorReleasesWhatAnOperatorHolds(t *testing.T) {
	for name, test := range map[string]struct {
		placed, asks bool
		refused      string
	}{
		"a customer's hold, by the customer":  {false, false, ""},
		"a customer's hold, by an operator":   {false, true, ""},
		"an operator's hold, by an operator":  {true, true, ""},
		"an operator's hold, by the customer": {true, false, contract.ErrorHeldByOperator},
	} {
		t.Run(name, func(t *testing.T) {
			run := slowStart(t, contract.Settings{})
			hold, release := holdRequest(), holdRequest()
			hold.Operator, release.Operator = test.placed, test.asks
			held := run.send(time.Second, contract.UpdateHold, hold)
			asked := run.send(time.Hour, contract.UpdateRelease, release)
			after := run.look(time.Hour + time.Minute)
			release.Operator = true
			run.send(2*time.Hour, contract.UpdateRelease, release)
			run.execute()

			require.NoError(t, run.env.GetWorkflowError())
			require.NoError(t, held.refused)
			require.Equal(t, test.placed, held.progress.Hold.Operator)
			require.Equal(t, test.refused, typeOf(asked.refused))
			require.Equal(t, test.refused != "", after.Hold != nil)
		})
	}
}

func TestAHeldOrderCanBeCancelled(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := slowStart(t, way)
		run.send(time.Second, contract.UpdateHold, holdRequest())
		answers := run.cancelAt(time.Hour)
		run.execute()

		require.NoError(t, answers[0].refused)
		require.True(t, temporal.IsCanceledError(run.env.GetWorkflowError()))
		require.Equal(t, run.turningBackAt(contract.StepChargePayment), run.services.compensations())
		require.Nil(t, run.progress().Hold)
		require.Equal(t, "cust-ada", run.services.cancelled.Operator)
	})
}

// Else the customer could end the hold in the moment in which an operator wants
// the order to stay where it is.
func TestAnOperatorTakesOverTheCustomersHold(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := slowStart(t, way)
		byOperator := contract.HoldRequest{Reason: "a suspicion", RequestedBy: "ops-jane", Operator: true}
		own := run.send(time.Second, contract.UpdateHold, holdRequest())
		taken := run.send(2*time.Second, contract.UpdateHold, byOperator)
		again := run.send(3*time.Second, contract.UpdateHold, byOperator)
		back := run.send(4*time.Second, contract.UpdateHold, holdRequest())
		letGo := run.send(time.Hour, contract.UpdateRelease, holdRequest())
		released := run.send(2*time.Hour, contract.UpdateRelease, byOperator)
		run.execute()

		require.NoError(t, own.refused)
		require.NoError(t, taken.refused)
		require.Equal(t, "ops-jane", taken.progress.Hold.By)
		require.Equal(t, contract.ErrorAlreadyHeld, typeOf(again.refused))
		require.Equal(t, contract.ErrorAlreadyHeld, typeOf(back.refused))
		require.Equal(t, contract.ErrorHeldByOperator, typeOf(letGo.refused))
		require.NoError(t, released.refused)
		require.NoError(t, run.env.GetWorkflowError(), "its clock goes on after one release")
	})
}

// Else an accepted order could not be found in the rows.
func TestAnOrderHeldBeforeItsFirstStepIsCreated(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, way)
		hold := run.send(0, contract.UpdateHold, holdRequest())
		held := run.look(time.Hour)
		run.send(2*time.Hour, contract.UpdateRelease, holdRequest())
		run.execute()

		require.NoError(t, hold.refused)
		require.Equal(t, contract.StepDone, stepOf(*held, contract.StepCreateOrder).State)
		require.Equal(t, contract.StepPending, stepOf(*held, contract.StepReserveInventory).State)
		require.NoError(t, run.env.GetWorkflowError())
		require.Equal(t, 1, run.services.count(contract.StepCreateOrder))
	})
}

// So it is with orders of earlier versions: who held it cannot be recorded
// before there is an order, which only its cancellation creates then.
func TestAnOrderHeldBeforeItsFirstStepIsCancelledAtOnce(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, way)
		run.env.OnGetVersion("created-when-held", workflow.DefaultVersion, workflow.Version(1)).Return(workflow.DefaultVersion)
		run.env.OnGetVersion(mock.Anything, workflow.DefaultVersion, workflow.Version(1)).Return(workflow.Version(1))
		nowhere := problem.New(problem.NotFound, "there is no such order")
		run.services.answer(contract.RecordIntervention, []error{nowhere, nowhere, nowhere, nowhere, nowhere, nil})
		hold := run.send(0, contract.UpdateHold, holdRequest())
		answers := run.cancelAt(time.Second)
		soon := run.look(3 * time.Second)
		run.execute()

		require.NoError(t, hold.refused)
		require.NoError(t, answers[0].refused)
		require.Zero(t, run.services.count(contract.StepCreateOrder))
		require.Equal(t, contract.SagaCompensated, soon.State)
		require.Len(t, run.services.recorded, 1, "and the decision is kept all the same")
	})
}

func TestAHeldOrderWhoseStepFailsIsUndoneAndNotOnHold(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, way)
		run.services.answer(contract.StepChargePayment, []error{away(), away(), refused()})
		hold := run.send(500*time.Millisecond, contract.UpdateHold, holdRequest())
		run.execute()

		require.NoError(t, hold.refused)
		run.requireUndone(contract.StepChargePayment, "payment-declined: no")
		require.Nil(t, run.progress().Hold)
		require.Contains(t, run.details(), "**compensated**: ChargePayment: payment-declined: no\n")
	})
}

func TestAHoldThatMeetsTemporalsCancelIsRefused(t *testing.T) {
	run := newRun(t, contract.Settings{})
	run.services.answer(contract.StepChargePayment, forever(away()))
	heard := &answer{}
	run.env.RegisterDelayedCallback(func() {
		run.env.CancelWorkflow()
		run.env.UpdateWorkflow(contract.UpdateHold, "hold", heard, holdRequest())
	}, 3*time.Second)
	run.execute()

	require.Equal(t, contract.ErrorAlreadyCancelled, typeOf(heard.refused))
	require.Nil(t, run.progress().Hold)
}

func TestAnOrderWithTheCarrierIsNotHeld(t *testing.T) {
	run := newRun(t, contract.Settings{})
	run.services.answer(contract.StepShipOrder, once(away()))
	run.services.answer(contract.StepCommitInventory, append(times(4, away()), nil))
	shipping := run.send(100*time.Millisecond, contract.UpdateHold, holdRequest())
	after := run.send(2*time.Second, contract.UpdateHold, holdRequest())
	run.execute()

	require.NoError(t, run.env.GetWorkflowError())
	require.Equal(t, contract.ErrorTooLate, typeOf(shipping.refused))
	require.Equal(t, contract.ErrorTooLate, typeOf(after.refused))
}

func TestAnOrderThatTakesTooLongIsUndone(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		way.Deadline = 30 * time.Second
		run := newRun(t, way)
		run.services.answer(contract.StepChargePayment, forever(away()))
		start := run.env.Now()
		run.execute()

		require.Less(t, run.env.Now().Sub(start), 35*time.Second)
		run.requireUndone(contract.StepChargePayment, "Deadline: the order could not be placed in time")
	})
}

// The creation may have happened: an order must not stay a draft for ever.
func TestAnOrderWhoseCreationTakesTooLongIsCancelled(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		way.Deadline = 30 * time.Second
		run := newRun(t, way)
		run.services.answer(contract.StepCreateOrder, forever(away()))
		run.execute()

		run.requireUndone(contract.StepCreateOrder, "Deadline: the order could not be placed in time")
	})
}

func TestTheDeadlineStandsStillWhileTheOrderIsHeld(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		way.Deadline = 30 * time.Second
		run := slowStart(t, way)
		run.send(time.Second, contract.UpdateHold, holdRequest())
		run.send(time.Hour, contract.UpdateRelease, holdRequest())
		run.services.answer(contract.StepChargePayment, []error{away(), away(), nil})
		run.execute()

		require.NoError(t, run.env.GetWorkflowError(), "what is left of the deadline is enough")
	})
}

func TestTheDeadlineGoesOnAfterAHold(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		way.Deadline = 30 * time.Second
		run := slowStart(t, way)
		run.send(time.Second, contract.UpdateHold, holdRequest())
		run.send(time.Hour, contract.UpdateRelease, holdRequest())
		run.services.answer(contract.StepChargePayment, forever(away()))
		start := run.env.Now()
		run.execute()

		took := run.env.Now().Sub(start)
		require.Greater(t, took, time.Hour+20*time.Second)
		require.Less(t, took, time.Hour+35*time.Second)
		require.Equal(t, contract.ErrorSagaFailed, typeOf(run.env.GetWorkflowError()))
	})
}

func TestADeadlineAfterTheCarrierAcceptedChangesNothing(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		way.Deadline = 20 * time.Second
		run := newRun(t, way)
		run.services.answer(contract.StepReserveInventory, once(away()))
		run.services.answer(contract.StepCommitInventory, append(times(6, away()), nil))
		run.execute()

		require.NoError(t, run.env.GetWorkflowError())
		require.Empty(t, run.services.compensations())
	})
}
