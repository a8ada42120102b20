package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

func withWindow(way contract.Settings) contract.Settings {
	way.FixWindow = time.Hour
	return way
}

func otherCard() contract.FixRequest {
	return contract.FixRequest{PaymentMethod: "pm_card_mastercard", Reason: "called the bank", RequestedBy: "ops-jane"}
}

func otherAddress() contract.FixRequest {
	return contract.FixRequest{
		ShippingAddress: &contract.Address{Name: "Ada", Line1: "2 Side St", City: "Leeds", Country: "GB"},
		Reason:          "called the bank", RequestedBy: "ops-jane",
	}
}

func declined() error { return problem.New(problem.PaymentDeclined, "no money") }

func TestAnotherCardFixesADeclinedPayment(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, withWindow(way))
		run.services.answer(contract.StepChargePayment, once(declined()))
		waiting := run.look(5 * time.Minute)
		wrong := run.send(6*time.Minute, contract.UpdateFix, contract.FixRequest{ShippingAddress: &contract.Address{Name: "Ada"}, Reason: "x"})
		both := run.send(7*time.Minute, contract.UpdateFix, contract.FixRequest{Reason: "x"})
		fix := run.send(10*time.Minute, contract.UpdateFix, otherCard())
		run.execute()

		require.NoError(t, run.env.GetWorkflowError())
		require.Equal(t, contract.StepWaiting, stepOf(*waiting, contract.StepChargePayment).State)
		require.Equal(t, "payment-declined: no money", stepOf(*waiting, contract.StepChargePayment).Error)
		require.Equal(t, contract.ErrorNothingToFix, typeOf(wrong.refused))
		require.Equal(t, contract.ErrorInvalidInput, typeOf(both.refused))
		require.NoError(t, fix.refused)
		require.Len(t, run.services.charged, 1, "the refused charge had no effect")
		require.Equal(t, "pm_card_mastercard", run.services.charged[0].Method)
		require.Equal(t, 2, run.services.charged[0].Key.Revision)
		require.Empty(t, run.services.compensations())
		require.Empty(t, stepOf(run.progress(), contract.StepChargePayment).Error)
		run.requireRecorded(order.InterventionFix, contract.StepChargePayment)
	})
}

func TestAnotherAddressFixesARefusedShipment(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, withWindow(way))
		run.services.answer(contract.StepShipOrder, once(problem.New(problem.ShipmentRefused, "unknown place")))
		run.send(10*time.Minute, contract.UpdateFix, otherAddress())
		run.execute()

		require.NoError(t, run.env.GetWorkflowError())
		require.Equal(t, "Leeds", run.services.shipped[0].Address.City)
		require.Equal(t, 2, run.services.shipped[0].Key.Revision)
	})
}

func TestWithoutAFixInTimeTheOrderIsUndone(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, withWindow(way))
		run.services.answer(contract.StepChargePayment, forever(declined()))
		late := run.send(time.Hour+time.Minute, contract.UpdateFix, otherCard())
		start := run.env.Now()
		run.execute()

		require.GreaterOrEqual(t, run.env.Now().Sub(start), time.Hour)
		require.Nil(t, late.progress)
		run.requireTurnedBack(contract.StepChargePayment, "payment-declined: no money")
	})
}

func TestOnlyTheNamedRefusalsWaitForAFix(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		for step, refusal := range map[string]error{
			contract.StepReserveInventory: problem.New(problem.OutOfStock, "no"),
			contract.StepChargePayment:    problem.New(problem.Invalid, "no"),
			contract.StepConfirmOrder:     problem.New(problem.PaymentDeclined, "no"),
		} {
			run := newRun(t, withWindow(way))
			run.services.answer(step, forever(refusal))
			start := run.env.Now()
			run.execute()

			require.Less(t, run.env.Now().Sub(start), time.Minute, step)
			require.Equal(t, contract.ErrorSagaFailed, typeOf(run.env.GetWorkflowError()))
		}
	})
}

func TestEveryRevisionThatWasTriedIsUndone(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, withWindow(way))
		run.services.answer(contract.StepChargePayment, forever(declined()))
		run.send(10*time.Minute, contract.UpdateFix, otherCard())
		run.send(20*time.Minute, contract.UpdateFix, otherCard())
		third := run.send(30*time.Minute, contract.UpdateFix, otherCard())
		run.execute()

		require.Nil(t, third.progress, "the third refusal is the last")
		require.Equal(t, 3, run.services.count(contract.StepChargePayment))
		var revisions []int
		for _, key := range run.services.refunded {
			revisions = append(revisions, key.Revision)
		}
		require.Equal(t, []int{3, 2, 1}, revisions)
	})
}

func TestAnOrderThatWaitsForAFixCanBeCancelledAndHeld(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, withWindow(way))
		run.services.answer(contract.StepChargePayment, forever(declined()))
		hold := run.send(10*time.Minute, contract.UpdateHold, holdRequest())
		held := run.look(3 * time.Hour)
		answers := run.cancelAt(4 * time.Hour)
		run.execute()

		require.NoError(t, hold.refused)
		require.NotNil(t, held.Hold, "the window does not close on a held order")
		require.NoError(t, answers[0].refused)
		require.True(t, temporal.IsCanceledError(run.env.GetWorkflowError()))
	})
}
