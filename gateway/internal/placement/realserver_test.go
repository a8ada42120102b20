package placement_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderflow/gateway/internal/placement"
	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
	"orderflow/internal/temporalclient/temporaltest"
	"orderflow/workflows/contract"
)

// dial starts a real server that knows the attributes of orders.
func dial(t *testing.T) client.Client {
	t.Helper()
	addr := temporaltest.Start(t,
		"--search-attribute", contract.AttributeOrderState+"=Keyword",
		"--search-attribute", contract.AttributeCustomerID+"=Keyword")
	connected, err := temporalclient.Dial(t.Context(),
		temporalclient.Config{Addr: addr, Namespace: temporaltest.Namespace}, telemetry.Discard())
	require.NoError(t, err)
	t.Cleanup(connected.Close)
	return connected
}

// TestThoseWhoWaitLeaveRoomForDecisions asks a real server, which takes ten open
// updates of an order: who waits for an outcome leaves one behind.
func TestThoseWhoWaitLeaveRoomForDecisions(t *testing.T) {
	connected := dial(t)
	// A run that has its outcome when it is cancelled.
	w := worker.New(connected, contract.QueueOrders, worker.Options{})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ contract.PlaceOrderInput) error {
		cancelled := false
		outcome := func() bool { return cancelled }
		err := workflow.SetUpdateHandler(ctx, contract.UpdateAwaitOutcome, func(ctx workflow.Context) (contract.Progress, error) {
			return contract.Progress{}, workflow.Await(ctx, outcome)
		})
		if err != nil {
			return err
		}
		err = workflow.SetUpdateHandler(ctx, contract.UpdateCancel, func(workflow.Context, contract.CancelRequest) (contract.Progress, error) {
			cancelled = true
			return contract.Progress{}, nil
		})
		if err != nil {
			return err
		}
		return workflow.Await(ctx, func() bool { return cancelled && workflow.AllHandlersFinished(ctx) })
	}, workflow.RegisterOptions{Name: contract.PlaceOrder})
	require.NoError(t, w.Start())
	defer w.Stop()

	placements := placement.New(connected, nil, placement.Timeouts{})
	placed := input("hash")
	require.NoError(t, placements.Start(t.Context(), placed))
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		require.Error(t, placements.AwaitOutcome(ctx, placed.OrderID), "there is no outcome yet")
		cancel()
	}
	_, err := placements.Send(t.Context(), placed.OrderID, placement.Cancel(contract.CancelRequest{Reason: "no", RequestedBy: "cust-ada"}))
	require.NoError(t, err)
	require.NoError(t, placements.AwaitOutcome(t.Context(), placed.OrderID))
}
