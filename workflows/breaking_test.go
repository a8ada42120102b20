package workflows_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderflow/activities"
	"orderflow/services/inventory"
	"orderflow/services/order"
	"orderflow/workflows"
	"orderflow/workflows/contract"
)

// The stories below break with the orders under way. Activities are known by
// their names only.
var (
	anyOrders *activities.Orders
	anyStock  *activities.Inventory
)

// takesStockFirst changes the order of the first two steps.
func takesStockFirst(ctx workflow.Context, in contract.PlaceOrderInput) error {
	if err := callEitherWay(ctx, in.Settings.FastWayOff, anyStock.ReserveInventory, inventory.ReserveRequest{}); err != nil {
		return err
	}
	return callEitherWay(ctx, in.Settings.FastWayOff, anyOrders.CreateOrder, order.CreateRequest{})
}

// takesTheOtherWay makes the first step an activity where it was a local one,
// and the other way round.
func takesTheOtherWay(ctx workflow.Context, in contract.PlaceOrderInput) error {
	return callEitherWay(ctx, !in.Settings.FastWayOff, anyOrders.CreateOrder, order.CreateRequest{})
}

// forgetsEverything leaves all steps out.
func forgetsEverything(workflow.Context, contract.PlaceOrderInput) error { return nil }

func callEitherWay(ctx workflow.Context, durable bool, activity, request any) error {
	if durable {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		return workflow.ExecuteActivity(ctx, activity, request).Get(ctx, nil)
	}
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Minute})
	return workflow.ExecuteLocalActivity(ctx, activity, request).Get(ctx, nil)
}

// nondeterministic is Temporal's rule number for a replay that comes to other
// commands than its history.
const nondeterministic = "[TMPRL1100]"

// TestABreakingChangeFailsTheReplayOfEverySavedHistory proves the guard that
// rollouts rest on: TestSavedHistoriesReplay could not pass with these stories
// in the place of PlaceOrder.
func TestABreakingChangeFailsTheReplayOfEverySavedHistory(t *testing.T) {
	paths, err := filepath.Glob("testdata/histories/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for name, story := range map[string]any{
		"takes stock first":   takesStockFirst,
		"takes the other way": takesTheOtherWay,
		"forgets everything":  forgetsEverything,
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range paths {
				require.ErrorContains(t, replayAs(t, story, path), nondeterministic, path)
			}
		})
	}
	for _, path := range paths {
		require.NoError(t, replayAs(t, workflows.PlaceOrder, path), path)
	}
}

// replayAs replays a saved history with another workflow in the place of
// PlaceOrder.
func replayAs(t *testing.T, story any, path string) error {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	recorded, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
	require.NoError(t, err)
	id := recorded.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(story, workflow.RegisterOptions{Name: contract.PlaceOrder})
	return replayer.ReplayWorkflowHistoryWithOptions(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), recorded,
		worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: id}})
}
