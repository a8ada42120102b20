package workflows_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/sdk/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"orderflow/internal/problem"
	"orderflow/workflows/contract"
)

var update = flag.Bool("update", false, "write the golden files again")

// details are what the Temporal UI shows of the workflow.
func (r *run) details() string {
	value, err := r.env.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(r.t, err)
	var raw []byte
	var metadata sdk.WorkflowMetadata
	if err := value.Get(&metadata); err != nil {
		require.NoError(r.t, value.Get(&raw))
		require.NoError(r.t, protojson.Unmarshal(raw, &metadata))
	}
	return metadata.GetCurrentDetails()
}

// TestWhatAnOperatorReadsAtTheEndDoesNotDependOnTheWay compares the details
// with golden files, one for both ways.
func TestWhatAnOperatorReadsAtTheEndDoesNotDependOnTheWay(t *testing.T) {
	stories := map[string]func(*run){
		"shipped":  func(*run) {},
		"declined": func(r *run) { r.services.answer(contract.StepChargePayment, forever(refused())) },
		"no-answer": func(r *run) {
			r.services.answer(contract.StepReserveInventory, forever(away()))
		},
		"never-created": func(r *run) {
			r.services.answer(contract.StepCreateOrder, forever(problem.New(problem.KeyReused, "another order has this key")))
		},
		"cancelled": func(r *run) {
			r.services.answer(contract.StepShipOrder, forever(away()))
			r.cancelAt(3 * time.Second)
		},
		"skipped": func(r *run) {
			r.services.answer(contract.StepShipOrder, forever(problem.New(problem.ShipmentRefused, "a | b\nc")))
			r.services.answer(contract.UndoChargePayment, forever(problem.New(problem.Conflict, "the account is closed")))
			r.send(time.Hour, contract.UpdateSkip, operator(contract.UndoChargePayment))
		},
	}
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, way contract.Settings) {
				run := newRun(t, way)
				story(run)
				run.execute()

				requireGolden(t, name, run.details())
			})
		})
	}
}

// requireGolden compares details with a golden file, or writes it.
func requireGolden(t *testing.T, name, details string) {
	t.Helper()
	golden := filepath.Join("testdata", "details", name+".md")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(details), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), details)
}

func TestTheDetailsSayWhatAnOrderWaitsFor(t *testing.T) {
	run := newRun(t, withWindow(contract.Settings{}))
	run.services.answer(contract.StepReserveInventory, []error{away(), away(), away(), nil})
	run.services.answer(contract.StepChargePayment, once(declined()))
	var retrying, held, waiting string
	run.env.RegisterDelayedCallback(func() { retrying = run.details() }, time.Second)
	run.send(1500*time.Millisecond, contract.UpdateHold, holdRequest())
	run.env.RegisterDelayedCallback(func() { held = run.details() }, time.Minute)
	run.send(time.Hour, contract.UpdateRelease, holdRequest())
	run.env.RegisterDelayedCallback(func() { waiting = run.details() }, time.Hour+time.Minute)
	run.send(time.Hour+2*time.Minute, contract.UpdateFix, otherCard())
	run.execute()

	require.NoError(t, run.env.GetWorkflowError())
	require.Contains(t, waiting, "\n\nChargePayment was refused. It goes on with `POST /v1/orders/"+orderID+"/fix`")
	require.Contains(t, retrying, "| ReserveInventory | running: retrying on task queue inventory |")
	require.True(t, strings.HasPrefix(held, "**running**, on hold since "), held)
	require.Contains(t, held, " by ops-jane: called the bank\n\nIt goes on with `POST /v1/orders/"+orderID+"/release`.")
	require.Contains(t, held, "| ReserveInventory | done |")
	require.Contains(t, waiting, "release by ops-jane: called the bank")
	require.Contains(t, waiting, "| ChargePayment | waiting: payment-declined: no money |")
}

func TestTheDetailsOfABlockedOrderSayWhatToDo(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := blockedRefund(t, way)
		var blocked string
		run.env.RegisterDelayedCallback(func() { blocked = run.details() }, 30*time.Second)
		run.send(40*time.Second, contract.UpdateSkip, operator(contract.UndoChargePayment))
		run.execute()

		requireGolden(t, "blocked", blocked)
		require.NotContains(t, run.details(), "For operators")
	})
}

// Who waits for another compensation is not at work.
func TestTheDetailsSayThatTheEndWaitsForAServiceOnHold(t *testing.T) {
	run := newRun(t, contract.Settings{})
	run.services.answer(contract.StepShipOrder, forever(refused()))
	run.holdService(contract.UndoChargePayment, contract.QueuePayment, 1, time.Hour)
	run.services.answer(contract.UndoCreateOrder, []error{away(), nil})
	var during, after string
	run.env.RegisterDelayedCallback(func() { during = run.details() }, time.Minute)
	run.env.RegisterDelayedCallback(func() { after = run.details() }, time.Hour+500*time.Millisecond)
	run.execute()

	require.Contains(t, during, "RefundPayment: running: payment is on hold |")
	require.Contains(t, during, "CancelOrder: waits for the others |")
	require.Contains(t, after, "CancelOrder: running |")
}
