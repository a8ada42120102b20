package placement_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderflow/gateway/internal/placement"
	"orderflow/workflows/contract"
)

// TestAFixUnderAKeyIsTakenOnce asks a real server, on whose memory of update
// IDs this rests: also that of a run that is closed.
func TestAFixUnderAKeyIsTakenOnce(t *testing.T) {
	connected := dial(t)

	// A run that counts fixes, and ends with the second.
	w := worker.New(connected, contract.QueueOrders, worker.Options{})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ contract.PlaceOrderInput) error {
		fixes := 0
		err := workflow.SetUpdateHandler(ctx, contract.UpdateFix, func(workflow.Context, contract.FixRequest) (contract.Progress, error) {
			fixes++
			return contract.Progress{OrderID: strconv.Itoa(fixes)}, nil
		})
		if err != nil {
			return err
		}
		return workflow.Await(ctx, func() bool { return fixes == 2 })
	}, workflow.RegisterOptions{Name: contract.PlaceOrder})
	require.NoError(t, w.Start())
	defer w.Stop()

	placements := placement.New(connected, nil, placement.Timeouts{})
	placed := input("hash")
	require.NoError(t, placements.Start(t.Context(), placed))
	taken := func(method, key string) string {
		t.Helper()
		request := contract.FixRequest{PaymentMethod: method, Reason: "new card", RequestedBy: "cust-ada"}
		progress, err := placements.Send(t.Context(), placed.OrderID, placement.Fix(request).WithKey(key))
		require.NoError(t, err)
		return progress.OrderID
	}
	assert.Equal(t, "1", taken("pm_card_visa", "key"))
	assert.Equal(t, "1", taken("pm_card_visa", "key"))
	require.Equal(t, "2", taken("pm_card_mastercard", "key"), "another card under the key is another fix")

	require.NoError(t, connected.GetWorkflow(t.Context(), placed.OrderID, "").Get(t.Context(), nil))
	assert.Equal(t, "1", taken("pm_card_visa", "key"))
	_, err := placements.Send(t.Context(), placed.OrderID, placement.Fix(contract.FixRequest{PaymentMethod: "pm_card_visa"}).WithKey("late"))
	require.ErrorIs(t, err, placement.ErrEnded)
}
