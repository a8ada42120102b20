package host

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderflow/activities"
	"orderflow/internal/discovery"
	"orderflow/internal/rpc"
	"orderflow/services/inventory"
)

// stepAsASaga runs a step as a saga does: the fast way first, unless it is off.
func stepAsASaga(ctx workflow.Context, fastWay bool) error {
	if fastWay {
		fast := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
			StartToCloseTimeout: time.Second, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
		})
		if err := workflow.ExecuteLocalActivity(fast, "CommitInventory", inventory.CommitRequest{}).Get(fast, nil); err == nil {
			return nil
		}
	}
	durable := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Second})
	return workflow.ExecuteActivity(durable, "CommitInventory", inventory.CommitRequest{}).Get(durable, nil)
}

func TestADurableAttemptIsARetryOnlyAfterTheFastWay(t *testing.T) {
	for name, test := range map[string]struct {
		fastWay        bool
		calls, retries uint64
	}{
		"after the fast way": {true, 1, 1},
		"fast way off":       {false, 1, 1}, // the first durable attempt fails, the second works
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if asked.Add(1) == 1 {
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				w.WriteHeader(http.StatusNoContent)
			}))
			defer server.Close()
			at, err := netip.ParseAddrPort(server.Listener.Addr().String())
			require.NoError(t, err)
			client := rpc.NewClient("inventory", discovery.Static{"inventory": {
				{ID: "inventory-1", Name: "inventory", Host: at.Addr().String(), Port: int(at.Port())},
			}}, rpc.Config{}, nil)
			defer func() { require.NoError(t, client.Close()) }()

			var suite testsuite.WorkflowTestSuite
			environment := suite.NewTestWorkflowEnvironment()
			environment.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&fastWayMark{}}})
			environment.RegisterActivity(&activities.Inventory{Client: inventory.NewClient(client)})
			environment.ExecuteWorkflow(stepAsASaga, test.fastWay)
			require.NoError(t, environment.GetWorkflowError())
			require.EqualValues(t, 2, asked.Load())
			budget := client.Snapshot().RetryBudget
			require.Equal(t, test.calls, budget.Calls)
			require.Equal(t, test.retries, budget.Retries)
		})
	}
}
