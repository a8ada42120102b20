package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
	"orderflow/workflows"
	"orderflow/workflows/contract"
)

func (r *run) recover(edit func(*contract.PlaceOrderInput)) {
	in := input(r.way)
	in.Recovery = &contract.Recovery{Reason: "its workflow was terminated"}
	if edit != nil {
		edit(&in)
	}
	r.env.ExecuteWorkflow(workflows.PlaceOrder, in)
	require.True(r.t, r.env.IsWorkflowCompleted())
}

func TestALostOrderIsUndoneWithoutTakingAStep(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, way)
		run.recover(nil)

		require.Equal(t, contract.ErrorSagaFailed, typeOf(run.env.GetWorkflowError()))
		for _, step := range forward[:7] {
			require.Zero(t, run.services.count(step), step)
		}
		require.Equal(t, backward[contract.StepShipOrder], unique(run.services.compensations()))
		require.Len(t, run.services.refunded, 3, "whatever was fixed before")
		require.Len(t, run.services.returned, 3)
		require.Equal(t, "Recovered: its workflow was terminated", run.services.cancelled.Reason)
		require.Equal(t, order.SagaCompensated, run.services.cancelled.Saga.State)
		require.Equal(t, 1, run.services.count(contract.StepNotifyCustomer))
	})
}

func TestALostOrderThatTheCarrierHasIsFinished(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, way)
		run.services.shippedBefore()
		run.services.answer(contract.FindShipment, append(times(9, away()), nil))
		cancel := run.cancelAt(3 * time.Second)
		hold := run.send(3*time.Second, contract.UpdateHold, holdRequest())
		run.env.RegisterDelayedCallback(run.env.CancelWorkflow, 4*time.Second)
		run.recover(nil)

		require.NoError(t, run.env.GetWorkflowError())
		require.Error(t, cancel[0].refused)
		require.Error(t, hold.refused)
		require.Empty(t, run.services.compensations())
		require.Zero(t, run.services.count(contract.StepChargePayment))
		require.Positive(t, run.services.count(contract.StepCommitInventory))
		require.Equal(t, "TRACK-7", run.services.completed.TrackingNumber)
	})
}

// shippedBefore is what a lost run left when the carrier had accepted.
func (s *services) shippedBefore() {
	s.live = &shipping.Shipment{Status: shipping.Accepted, TrackingNumber: "TRACK-7", Carrier: "simulated"}
	s.paid = payment.Captured
}

func TestALostOrderThatWasBeingUndoneIsUndoneToTheEnd(t *testing.T) {
	for name, left := range map[string]func(*services){
		"its money is back":       func(s *services) { s.paid = payment.Refunded },
		"its money is going back": func(s *services) { s.paid = payment.Refunding },
		"it was never paid":       func(s *services) { s.paid = "" },
		"its stock is released": func(s *services) {
			s.answer(contract.StepCommitInventory, forever(problem.New(problem.AlreadyCompensated, "released")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := newRun(t, contract.Settings{})
			run.services.shippedBefore()
			left(run.services)
			run.recover(nil)

			require.Equal(t, contract.ErrorSagaFailed, typeOf(run.env.GetWorkflowError()))
			require.Equal(t, backward[contract.StepShipOrder], unique(run.services.compensations()))
		})
	}
}

// Temporal's own cancel may come before the first task of the recovery.
func TestARecoveryThatIsCancelledAtOnceUndoesEverything(t *testing.T) {
	run := newRun(t, contract.Settings{})
	run.env.RegisterDelayedCallback(run.env.CancelWorkflow, 0)
	run.recover(nil)

	require.Equal(t, backward[contract.StepShipOrder], unique(run.services.compensations()))
}

func TestALostOrderWithACancelledShipmentIsUndone(t *testing.T) {
	run := newRun(t, contract.Settings{})
	run.services.live = &shipping.Shipment{Status: shipping.Cancelled, TrackingNumber: "TRACK-7"}
	run.recover(nil)

	require.Equal(t, contract.ErrorSagaFailed, typeOf(run.env.GetWorkflowError()))
}

func TestEffectsWithoutAnOrderAreUndoneWithoutARecord(t *testing.T) {
	run := newRun(t, contract.Settings{})
	run.recover(func(in *contract.PlaceOrderInput) { in.Items, in.CustomerID = nil, "" })

	require.Equal(t, contract.ErrorSagaFailed, typeOf(run.env.GetWorkflowError()))
	require.Zero(t, run.services.count(contract.UndoCreateOrder))
	require.Zero(t, run.services.count(contract.StepNotifyCustomer))
	require.Positive(t, run.services.count(contract.UndoReserveInventory))
	for _, step := range run.progress().Steps {
		require.NotContains(t, []contract.StepState{contract.StepRunning, contract.StepCompensating}, step.State, step.Name)
	}
}

func TestARecoveryCanBeBlockedAndSettledToo(t *testing.T) {
	run := newRun(t, contract.Settings{})
	run.services.answer(contract.UndoShipOrder, forever(problem.New(problem.TooLate, "it has left")))
	run.send(time.Hour, contract.UpdateResolve, operator(contract.UndoShipOrder))
	run.recover(nil)

	require.Equal(t, "resolved by ops-jane: called the bank", run.services.cancelled.Saga.Steps[4].Compensation.Resolution)
}

// A refund that was paid out in cash must not be paid out again.
func TestARecoveryDoesNotRepeatWhatAnOperatorHasSettled(t *testing.T) {
	for update, want := range map[string]struct{ step, compensation, resolution string }{
		contract.UpdateSkip:    {"done", "skipped", "skipped by ops-jane: called the bank"},
		contract.UpdateResolve: {"compensated", "done", "resolved by ops-jane: called the bank"},
	} {
		for _, named := range []string{contract.StepChargePayment, contract.UndoChargePayment} {
			t.Run(update+" "+named, func(t *testing.T) {
				eachWay(t, func(t *testing.T, way contract.Settings) {
					run := newRun(t, way)
					// What was done by hand, no service knows.
					run.services.shippedBefore()
					run.recover(func(in *contract.PlaceOrderInput) {
						in.Recovery.Settled = []contract.Settlement{{Update: update, OperatorRequest: operator(named)}}
					})

					require.Equal(t, contract.ErrorSagaFailed, typeOf(run.env.GetWorkflowError()))
					require.Zero(t, run.services.count(contract.UndoChargePayment))
					require.Equal(t, []string{contract.UndoShipOrder, contract.UndoReserveInventory, contract.UndoCreateOrder},
						unique(run.services.compensations()))
					require.Empty(t, run.services.recorded, "it stands in the stream already")
					charge := run.services.cancelled.Saga.Steps[2]
					require.Equal(t, contract.StepChargePayment, charge.Name)
					require.Equal(t, want.step, charge.State)
					require.Equal(t, &order.Compensation{Name: contract.UndoChargePayment, State: want.compensation, Resolution: want.resolution},
						charge.Compensation)
					require.Contains(t, run.details(), "RefundPayment: "+want.resolution+" |")
				})
			})
		}
	}
}

func unique(names []string) []string {
	var found []string
	for _, name := range names {
		if len(found) == 0 || found[len(found)-1] != name {
			found = append(found, name)
		}
	}
	return found
}
