package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/services/notification"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// blockedRefund is an order that the carrier refuses and whose refund fails
// for good, as often as it is tried.
func blockedRefund(t *testing.T, way contract.Settings) *run {
	run := newRun(t, way)
	run.services.answer(contract.StepShipOrder, forever(problem.New(problem.ShipmentRefused, "nobody lives there")))
	run.services.answer(contract.UndoChargePayment, forever(problem.New(problem.Conflict, "the account is closed")))
	return run
}

func operator(step string) contract.OperatorRequest {
	return contract.OperatorRequest{Step: step, Reason: "called the bank", RequestedBy: "ops-jane"}
}

func TestAnOperatorEndsABlockedCompensation(t *testing.T) {
	for update, want := range map[string]struct {
		step         contract.StepState
		compensation contract.StepState
		resolution   string
		told         notification.Template
	}{
		contract.UpdateSkip: {
			contract.StepDone, contract.StepSkipped, "skipped by ops-jane: called the bank", notification.OrderUndoneUnrefunded,
		},
		contract.UpdateResolve: {
			contract.StepCompensated, contract.StepDone, "resolved by ops-jane: called the bank", notification.OrderUndone,
		},
	} {
		t.Run(update, func(t *testing.T) {
			eachWay(t, func(t *testing.T, way contract.Settings) {
				run := blockedRefund(t, way)
				before := run.look(30 * time.Second)
				heard := run.send(40*time.Second, update, operator(contract.UndoChargePayment))
				again := run.send(41*time.Second, update, operator(contract.UndoChargePayment))
				run.execute()

				require.Equal(t, contract.SagaBlocked, before.State)
				require.Equal(t, "conflict: the account is closed", stepOf(*before, contract.StepChargePayment).Compensation.Error)
				require.Equal(t, contract.StepCompensated, stepOf(*before, contract.StepReserveInventory).State, "the others are not held up")

				require.NoError(t, heard.refused)
				require.Nil(t, again.progress)
				ended := stepOf(*heard.progress, contract.StepChargePayment)
				require.Equal(t, want.step, ended.State)
				require.Equal(t, want.compensation, ended.Compensation.State)

				require.Equal(t, contract.ErrorSagaFailed, typeOf(run.env.GetWorkflowError()))
				require.Equal(t, 1, run.services.count(contract.UndoChargePayment), "it is not tried again")
				outcome := run.services.cancelled.Saga
				require.Equal(t, order.SagaCompensated, outcome.State)
				require.Equal(t, want.resolution, outcome.Steps[2].Compensation.Resolution)
				require.Equal(t, string(want.compensation), outcome.Steps[2].Compensation.State)
				run.requireRecorded(order.InterventionAction(update), contract.StepChargePayment)
				require.Equal(t, want.told, run.services.notified.Template)
			})
		})
	}
}

// requireRecorded asserts that the stream kept the one decision, before the
// order's end.
func (r *run) requireRecorded(action order.InterventionAction, step string) {
	r.t.Helper()
	require.Len(r.t, r.services.recorded, 1)
	kept := r.services.recorded[0]
	require.Equal(r.t, action, kept.Intervention.Action)
	require.Equal(r.t, step, kept.Intervention.Step)
	require.Equal(r.t, "ops-jane", kept.Intervention.Actor)
	require.Equal(r.t, "called the bank", kept.Intervention.Reason)
	require.Equal(r.t, order.InterventionStep, kept.Key.Step)
	for _, called := range r.services.called() {
		switch called {
		case contract.RecordIntervention:
			return
		case contract.UndoCreateOrder, contract.StepCompleteOrder:
			r.t.Fatal("the end was recorded before the decision")
		}
	}
}

func TestAnOperatorsRetryDoesNotWaitForTheNextTurn(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := blockedRefund(t, way)
		run.services.answer(contract.UndoChargePayment, append(times(2, problem.New(problem.Conflict, "the account is closed")), nil))
		// By itself it would be tried after one minute and after three.
		run.send(70*time.Second, contract.UpdateRetry, operator(contract.StepChargePayment))
		start := run.env.Now()
		run.execute()

		require.Less(t, run.env.Now().Sub(start), 80*time.Second)
		require.Equal(t, 3, run.services.count(contract.UndoChargePayment))
		require.Equal(t, order.SagaCompensated, run.services.cancelled.Saga.State)
		require.Empty(t, run.services.cancelled.Saga.Steps[2].Compensation.Resolution)
		run.requireRecorded(order.InterventionRetry, contract.StepChargePayment)
	})
}

func TestWhatTheEndDependsOnIsRetriedButNeverSkipped(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		for _, stuck := range []string{contract.UndoCreateOrder, contract.StepCommitInventory, contract.StepCompleteOrder} {
			t.Run(stuck, func(t *testing.T) {
				run := newRun(t, way)
				if stuck == contract.UndoCreateOrder {
					run.services.answer(contract.StepChargePayment, forever(refused()))
				}
				run.services.answer(stuck, []error{problem.New(problem.Conflict, "no"), nil})
				skip := run.send(20*time.Second, contract.UpdateSkip, operator(stuck))
				resolve := run.send(21*time.Second, contract.UpdateResolve, operator(stuck))
				retry := run.send(22*time.Second, contract.UpdateRetry, operator(stuck))
				start := run.env.Now()
				run.execute()

				require.Equal(t, contract.ErrorNotSkippable, typeOf(skip.refused))
				require.Equal(t, contract.ErrorNotSkippable, typeOf(resolve.refused))
				require.NoError(t, retry.refused)
				require.Less(t, run.env.Now().Sub(start), 50*time.Second)
				require.True(t, run.progress().State == contract.SagaCompleted || run.progress().State == contract.SagaCompensated)
			})
		}
	})
}

func TestAnOperatorsWordIsRefusedWhereItMakesNoSense(t *testing.T) {
	run := blockedRefund(t, contract.Settings{})
	healthy := run.send(20*time.Second, contract.UpdateSkip, operator(contract.StepReserveInventory))
	unknown := run.send(21*time.Second, contract.UpdateRetry, operator("Nonsense"))
	silent := run.send(22*time.Second, contract.UpdateRetry, contract.OperatorRequest{Step: contract.StepChargePayment})
	run.send(23*time.Second, contract.UpdateSkip, operator(contract.StepChargePayment))
	run.execute()

	require.Equal(t, contract.ErrorNotBlocked, typeOf(healthy.refused))
	require.Equal(t, contract.ErrorNotBlocked, typeOf(unknown.refused))
	require.Equal(t, contract.ErrorInvalidInput, typeOf(silent.refused))
}

func TestASkipEndsTheAttemptThatIsUnderWay(t *testing.T) {
	run := blockedRefund(t, contract.Settings{})
	// From the second attempt on, the provider is away, for as long as a step
	// may take.
	run.services.answer(contract.UndoChargePayment, []error{problem.New(problem.Conflict, "no"), away()})
	run.send(65*time.Second, contract.UpdateSkip, operator(contract.StepChargePayment))
	start := run.env.Now()
	run.execute()

	require.Less(t, run.env.Now().Sub(start), 70*time.Second)
	require.Equal(t, "skipped", run.services.cancelled.Saga.Steps[2].Compensation.State)
}

func TestTwoBlockedCompensationsAreEndedEachByItself(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := blockedRefund(t, way)
		run.services.answer(contract.UndoReserveInventory, forever(problem.New(problem.Conflict, "no")))
		run.send(20*time.Second, contract.UpdateResolve, operator(contract.StepReserveInventory))
		between := run.look(25 * time.Second)
		run.send(30*time.Second, contract.UpdateSkip, operator(contract.StepChargePayment))
		run.execute()

		require.Equal(t, contract.SagaBlocked, between.State)
		require.Equal(t, contract.StepCompensated, stepOf(*between, contract.StepReserveInventory).State)
		require.Equal(t, contract.SagaCompensated, run.progress().State)
		require.Len(t, run.services.recorded, 2)
		require.Less(t, run.services.recorded[0].Key.Revision, run.services.recorded[1].Key.Revision)
	})
}

func TestADecisionThatCannotBeRecordedHasEffectAllTheSame(t *testing.T) {
	run := blockedRefund(t, contract.Settings{})
	run.services.answer(contract.RecordIntervention, forever(problem.New(problem.Invalid, "no")))
	run.send(20*time.Second, contract.UpdateSkip, operator(contract.StepChargePayment))
	run.execute()

	require.Equal(t, contract.SagaCompensated, run.progress().State)
}

func TestTwoOperatorsDoNotEndTheSameCompensation(t *testing.T) {
	run := blockedRefund(t, contract.Settings{})
	skip := run.send(20*time.Second, contract.UpdateSkip, operator(contract.StepChargePayment))
	resolve := run.send(20*time.Second, contract.UpdateResolve, operator(contract.StepChargePayment))
	run.execute()

	require.True(t, (skip.refused == nil) != (resolve.refused == nil), "one of them is told")
	require.Len(t, run.services.recorded, 1)
}

// One compensation undoes the creation and the confirmation.
func TestABlockedCompensationAnswersToEveryStepThatItUndoes(t *testing.T) {
	run := newRun(t, contract.Settings{})
	run.services.answer(contract.StepShipOrder, forever(refused()))
	run.services.answer(contract.UndoCreateOrder, []error{problem.New(problem.Conflict, "no"), nil})
	retry := run.send(20*time.Second, contract.UpdateRetry, operator(contract.StepConfirmOrder))
	run.execute()

	require.NoError(t, retry.refused)
}
