package placement_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderflow/gateway/internal/placement"
	"orderflow/workflows/contract"
)

// TestEveryTaskOfAnOrderIsItsCustomers asks a real server: the workflow sets
// no priority for its activities, and they have that of the start.
func TestEveryTaskOfAnOrderIsItsCustomers(t *testing.T) {
	connected := dial(t)

	var keys struct{ Workflow, Activity string }
	w := worker.New(connected, contract.QueueOrders, worker.Options{})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ contract.PlaceOrderInput) error {
		keys.Workflow = workflow.GetInfo(ctx).Priority.FairnessKey
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		return workflow.ExecuteActivity(ctx, "FairnessKey").Get(ctx, &keys.Activity)
	}, workflow.RegisterOptions{Name: contract.PlaceOrder})
	w.RegisterActivityWithOptions(func(ctx context.Context) (string, error) {
		return activity.GetInfo(ctx).Priority.FairnessKey, nil
	}, activity.RegisterOptions{Name: "FairnessKey"})
	require.NoError(t, w.Start())
	defer w.Stop()

	placed := input("hash")
	require.NoError(t, placement.New(connected, nil, placement.Timeouts{}).Start(t.Context(), placed))
	require.NoError(t, connected.GetWorkflow(t.Context(), placed.OrderID, "").Get(t.Context(), nil))
	assert.Equal(t, placed.CustomerID, keys.Workflow)
	assert.Equal(t, placed.CustomerID, keys.Activity)
}
