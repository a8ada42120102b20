package deployment_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
	"orderflow/internal/temporalclient/temporaltest"
	"orderflow/workers/internal/deployment"
	"orderflow/workflows/contract"
)

// patience bounds a hang of the real server; it measures nothing.
const patience = time.Minute

// goOn lets the order of these tests end.
const goOn = "goOn"

var (
	orderState     = temporal.NewSearchAttributeKeyKeyword(contract.AttributeOrderState)
	needsAttention = temporal.NewSearchAttributeKeyBool(contract.AttributeNeedsAttention)
)

// waitingOrder stands in for PlaceOrder: it shows a state and waits.
func waitingOrder(ctx workflow.Context, state string, attention bool) error {
	if err := workflow.UpsertTypedSearchAttributes(ctx, orderState.ValueSet(state), needsAttention.ValueSet(attention)); err != nil {
		return err
	}
	workflow.GetSignalChannel(ctx, goOn).Receive(ctx, nil)
	return nil
}

// shop is a server with a deployment, whose versions a test starts.
type shop struct {
	*deployment.Deployment
	t      *testing.T
	client client.Client
}

func open(t *testing.T) *shop {
	addr := temporaltest.Start(t,
		"--search-attribute", contract.AttributeOrderState+"=Keyword",
		"--search-attribute", contract.AttributeNeedsAttention+"=Bool",
		// The server looks for drained versions every three minutes otherwise.
		"--dynamic-config-value", `matching.wv.VersionDrainageStatusVisibilityGracePeriod="1s"`,
		"--dynamic-config-value", `matching.wv.VersionDrainageStatusRefreshInterval="1s"`)
	connected, err := temporalclient.Dial(t.Context(),
		temporalclient.Config{Addr: addr, Namespace: temporaltest.Namespace}, telemetry.Discard())
	require.NoError(t, err)
	t.Cleanup(connected.Close)
	return &shop{Deployment: deployment.Open(connected, "orderflow"), t: t, client: connected}
}

// startWorkers polls the queues as a version, or without one when the build ID
// is empty, until stop or the test's end.
func (s *shop) startWorkers(buildID string, queues ...string) (stop func()) {
	s.t.Helper()
	version := deployment.Version{Deployment: "orderflow", BuildID: buildID}
	if buildID == "" {
		version = deployment.Version{}
	}
	var all []worker.Worker
	for _, queue := range queues {
		w := worker.New(s.client, queue, worker.Options{
			DisableWorkflowWorker: queue != contract.QueueOrders,
			DeploymentOptions:     version.WorkerOptions(),
			WorkerStopTimeout:     time.Second,
		})
		if queue == contract.QueueOrders {
			w.RegisterWorkflowWithOptions(waitingOrder, workflow.RegisterOptions{Name: contract.PlaceOrder})
		}
		w.RegisterActivity(func(context.Context) error { return nil })
		require.NoError(s.t, w.Start())
		all = append(all, w)
	}
	stop = sync.OnceFunc(func() {
		var stopping sync.WaitGroup
		for _, w := range all {
			stopping.Go(w.Stop)
		}
		stopping.Wait()
	})
	s.t.Cleanup(stop)
	return stop
}

// deploy starts workers of a version and makes it current.
func (s *shop) deploy(buildID string) (stop func()) {
	s.t.Helper()
	stop = s.startWorkers(buildID, contract.Queues()...)
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	require.NoError(s.t, s.AwaitPollers(ctx, buildID))
	require.NoError(s.t, s.MakeCurrent(ctx, buildID))
	return stop
}

// place starts an order and waits until lists show it as it wants to be shown.
func (s *shop) place(id, state string, attention bool) {
	s.t.Helper()
	_, err := s.client.ExecuteWorkflow(s.t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: contract.QueueOrders},
		contract.PlaceOrder, state, attention)
	require.NoError(s.t, err)
	require.Eventually(s.t, func() bool {
		return s.count("WorkflowId = '"+id+"' AND OrderState = '"+state+"'") == 1
	}, patience, 20*time.Millisecond)
}

func (s *shop) count(query string) int64 {
	s.t.Helper()
	counted, err := s.client.CountWorkflow(s.t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: query})
	require.NoError(s.t, err)
	return counted.GetCount()
}

// finish lets an order end and returns the builds that its tasks ran on, in
// their order.
func (s *shop) finish(id string) []string {
	s.t.Helper()
	require.NoError(s.t, s.client.SignalWorkflow(s.t.Context(), id, "", goOn, nil))
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	require.NoError(s.t, s.client.GetWorkflow(ctx, id, "").Get(ctx, nil))
	var builds []string
	history := s.client.GetWorkflowHistory(ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(s.t, err)
		if ended := event.GetWorkflowTaskCompletedEventAttributes(); ended != nil {
			builds = append(builds, ended.GetDeploymentVersion().GetBuildId())
		}
	}
	return builds
}

// statuses lists the versions with the number of their orders.
func (s *shop) statuses() map[string]deployment.Known {
	s.t.Helper()
	all, err := s.Versions(s.t.Context())
	require.NoError(s.t, err)
	byBuild := map[string]deployment.Known{}
	for _, known := range all {
		byBuild[known.BuildID] = known
	}
	return byBuild
}

func TestAVersionIsNotReadyBeforeItsWorkersPollEveryQueue(t *testing.T) {
	t.Parallel() // each has a server of its own, and waits most of the time
	s := open(t)
	versions, err := s.Versions(t.Context())
	require.NoError(t, err)
	require.Empty(t, versions)
	require.Equal(t, contract.Queues(), s.unpolledAfter("v1", time.Second))
	require.ErrorContains(t, s.MakeCurrent(t.Context(), "v1"), "making orderflow:v1 the current version: ")

	s.startWorkers("v1", contract.QueueOrders, contract.QueueInventory, contract.QueueShipping, contract.QueueNotification)
	require.Eventually(t, func() bool {
		missing := s.unpolledAfter("v1", time.Second)
		return len(missing) == 1 && missing[0] == contract.QueuePayment
	}, patience, time.Millisecond)

	s.startWorkers("v2", contract.QueuePayment)
	require.Contains(t, s.unpolledAfter("v1", time.Second), contract.QueuePayment, "another version's workers do not count")
	s.startWorkers("v1", contract.QueuePayment)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, s.AwaitPollers(ctx, "v1"))
	require.Equal(t, deployment.StatusInactive, s.statuses()["v1"].Status)
}

// unpolledAfter returns the queues that AwaitPollers still misses after a time.
func (s *shop) unpolledAfter(buildID string, wait time.Duration) []string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), wait)
	defer cancel()
	var missing *deployment.NotPolledError
	err := s.AwaitPollers(ctx, buildID)
	require.ErrorAs(s.t, err, &missing)
	require.ErrorIs(s.t, err, context.DeadlineExceeded)
	return missing.Queues
}

func TestOnlyOrdersThatWaitMoveToTheNewVersion(t *testing.T) {
	t.Parallel() // each has a server of its own, and waits most of the time
	s := open(t)
	stopV1 := s.deploy("v1")
	s.place("order-running", "running", false)
	s.place("order-held", "held", false)
	s.place("order-blocked", "blocked", true)
	s.place("order-to-fix", "waiting", false)
	s.place("order-attention", "compensating", true)

	s.deploy("v2")
	require.Equal(t, deployment.StatusDraining, s.statuses()["v1"].Status)
	moved, err := s.MoveWaiting(t.Context(), "v2")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"order-held", "order-blocked", "order-to-fix", "order-attention"}, moved)
	s.place("order-new", "running", false)

	require.Eventually(t, func() bool {
		all := s.statuses()
		return all["v1"].Open == 1 && all["v2"].Open == 5
	}, patience, 20*time.Millisecond, "the lists follow")
	again, err := s.MoveWaiting(t.Context(), "v2")
	require.NoError(t, err)
	require.Empty(t, again)
	backwards, err := s.MoveWaiting(t.Context(), "v1")
	require.NoError(t, err)
	require.Empty(t, backwards, "no order goes to an older version")

	require.Equal(t, []string{"v1", "v1"}, s.finish("order-running"))
	require.Eventually(t, func() bool { return s.statuses()["v1"].Status == deployment.StatusDrained }, patience, 50*time.Millisecond)
	stopV1()
	for _, id := range moved {
		require.Equal(t, []string{"v1", "v2"}, s.finish(id), id)
	}
	require.Equal(t, []string{"v2", "v2"}, s.finish("order-new"))
	require.Equal(t, deployment.StatusCurrent, s.statuses()["v2"].Status)
}

func TestOpenOrdersOfWorkersWithoutVersionsFollowTheFirstDeployment(t *testing.T) {
	t.Parallel()
	s := open(t)
	stopUnversioned := s.startWorkers("", contract.Queues()...)
	s.place("order-running", "running", false)
	s.deploy("v1")
	stopUnversioned()
	require.Equal(t, []string{"", "v1"}, s.finish("order-running"))
}

func TestARampGivesAPartOfTheNewOrdersToTheVersion(t *testing.T) {
	t.Parallel() // each has a server of its own, and waits most of the time
	s := open(t)
	s.deploy("v1")
	s.place("order-held", "held", false)
	s.startWorkers("v2", contract.Queues()...)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, s.AwaitPollers(ctx, "v2"))

	require.NoError(t, s.Ramp(ctx, "v2", 25))
	ramping := s.statuses()["v2"]
	require.Equal(t, deployment.StatusRamping, ramping.Status)
	require.Equal(t, 25, ramping.Ramp)
	require.Equal(t, deployment.StatusCurrent, s.statuses()["v1"].Status)

	require.NoError(t, s.Ramp(ctx, "v2", 100))
	s.place("order-new", "running", false)
	require.Equal(t, []string{"v2", "v2"}, s.finish("order-new"))
	require.Equal(t, []string{"v1", "v1"}, s.finish("order-held"))
}
