package backlog_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc"

	"orderflow/gateway/internal/backlog"
	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
	"orderflow/internal/temporalclient/temporaltest"
)

// A real server counts what waits for a worker, of every version of the workers
// that it knows, and of none.
func TestARealServerTellsItsBacklog(t *testing.T) {
	addr := temporaltest.Start(t, "--dynamic-config-value", `matching.TaskQueueInfoByBuildIdTTL="100ms"`)
	server, err := temporalclient.Dial(t.Context(),
		temporalclient.Config{Addr: addr, Namespace: temporaltest.Namespace}, telemetry.Discard())
	require.NoError(t, err)
	defer server.Close()
	const name, orders = "orders", 20
	queue := &backlog.TaskQueue{Server: server.WorkflowService(), Namespace: temporaltest.Namespace, Name: name}
	awaitBacklog := func(want int64) {
		t.Helper()
		var found backlog.Stats
		require.Eventually(t, func() bool {
			found, err = queue.Stats(t.Context())
			return err == nil && found.Waiting == want
		}, time.Minute, 50*time.Millisecond, "%d tasks wait, not %+v: %v", want, &found, err)
	}
	start := func() {
		t.Helper()
		for range orders {
			_, err := server.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: name}, "Order")
			require.NoError(t, err)
		}
	}
	work := func(options worker.DeploymentOptions) (stop func()) {
		t.Helper()
		w := worker.New(server, name, worker.Options{DeploymentOptions: options})
		w.RegisterWorkflowWithOptions(func(workflow.Context) error { return nil }, workflow.RegisterOptions{Name: "Order"})
		require.NoError(t, w.Start())
		return w.Stop
	}

	start()
	awaitBacklog(orders)
	stop := work(worker.DeploymentOptions{})
	awaitBacklog(0)
	stop()

	// Now the workers have versions, and orders wait for the current one.
	version := worker.WorkerDeploymentVersion{DeploymentName: "orderflow", BuildID: "v1"}
	versioned := worker.DeploymentOptions{UseVersioning: true, Version: version, DefaultVersioningBehavior: workflow.VersioningBehaviorPinned}
	stop = work(versioned)
	deployment := server.WorkerDeploymentClient().GetHandle(version.DeploymentName)
	require.Eventually(t, func() bool {
		_, err := deployment.SetCurrentVersion(t.Context(), client.WorkerDeploymentSetCurrentVersionOptions{BuildID: version.BuildID})
		return err == nil
	}, time.Minute, 100*time.Millisecond)
	stop()
	start()
	awaitBacklog(orders)
	stop = work(versioned)
	awaitBacklog(0)
	stop()
}

// old is a server that does not know the question.
type old struct{}

func (old) DescribeTaskQueue(context.Context, *workflowservice.DescribeTaskQueueRequest, ...grpc.CallOption) (*workflowservice.DescribeTaskQueueResponse, error) {
	return &workflowservice.DescribeTaskQueueResponse{}, nil
}

func TestAServerThatDoesNotTellHasNoBacklogOfNothing(t *testing.T) {
	_, err := (&backlog.TaskQueue{Server: old{}}).Stats(t.Context())
	require.ErrorContains(t, err, "too old")
}
