package host

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"golang.org/x/sync/errgroup"

	"orderflow/internal/chassis"
	"orderflow/internal/config"
	"orderflow/internal/discovery"
	"orderflow/internal/discovery/consultest"
	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient/temporaltest"
	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/workers/internal/deployment"
	"orderflow/workflows/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds a hang of a real server; it measures nothing.
const patience = time.Minute

// running is a host on a real server.
type running struct {
	t      *testing.T
	client client.Client
	logs   *observer.ObservedLogs
	stop   context.CancelFunc
	ended  chan error
	close  func() error
}

func boot(t *testing.T, temporalAddr, consulAddr string, args ...string) *running {
	t.Helper()
	settings, err := load(t, "v1", append(args, "--temporal-addr="+temporalAddr)...)
	require.NoError(t, err)
	core, logs := observer.New(zap.InfoLevel)
	tel := telemetry.Discard()
	tel.Log = zap.New(core)
	parts, err := Build(t.Context(), settings, chassis.Config{Consul: config.Consul{Addr: consulAddr}}, tel)
	require.NoError(t, err)
	require.NoError(t, parts.Checks["temporal"](t.Context()))

	ctx, stop := context.WithCancel(t.Context())
	r := &running{
		t: t, client: dial(t, temporalAddr), logs: logs, stop: stop,
		ended: make(chan error, 1), close: sync.OnceValue(parts.Close),
	}
	var background errgroup.Group
	for _, work := range parts.Background {
		background.Go(func() error { return work(ctx) })
	}
	go func() { r.ended <- background.Wait() }()
	t.Cleanup(func() {
		_ = r.close()
		if t.Failed() {
			for _, line := range logs.All() {
				t.Log(line.Message, line.ContextMap())
			}
		}
	})
	t.Cleanup(stop)
	return r
}

// end stops the host as the chassis does.
func (r *running) end() {
	r.t.Helper()
	r.stop()
	select {
	case err := <-r.ended:
		require.NoError(r.t, err)
	case <-time.After(patience):
		require.Fail(r.t, "the workers did not stop")
	}
	require.NoError(r.t, r.close())
}

func (r *running) pollers(queue string, kind enumspb.TaskQueueType) []*taskqueuepb.PollerInfo {
	r.t.Helper()
	described, err := r.client.DescribeTaskQueue(r.t.Context(), queue, kind)
	require.NoError(r.t, err)
	return described.GetPollers()
}

// awaitPollers waits for a poller and returns what it says of itself.
func (r *running) awaitPollers(queue string, kind enumspb.TaskQueueType) *taskqueuepb.PollerInfo {
	r.t.Helper()
	var found []*taskqueuepb.PollerInfo
	require.Eventually(r.t, func() bool {
		found = r.pollers(queue, kind)
		return len(found) > 0
	}, patience, 20*time.Millisecond, queue)
	return found[0]
}

// events returns the events of one type in an order's history.
func (r *running) events(id string, of enumspb.EventType) []*historypb.HistoryEvent {
	r.t.Helper()
	var found []*historypb.HistoryEvent
	history := r.client.GetWorkflowHistory(r.t.Context(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(r.t, err)
		if event.GetEventType() == of {
			found = append(found, event)
		}
	}
	return found
}

// nowhere is an address of nobody: without an order, nobody is asked for.
const nowhere = "127.0.0.1:1"

func TestAHostPollsEveryQueueAsItsVersion(t *testing.T) {
	addr := temporaltest.Start(t)
	host := boot(t, addr, nowhere, "--deployment=orderflow", "--payment-rate=7.5")
	for _, queue := range contract.Queues() {
		poller := host.awaitPollers(queue, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
		require.Equal(t, "orderflow", poller.GetDeploymentOptions().GetDeploymentName(), queue)
		require.Equal(t, "v1", poller.GetDeploymentOptions().GetBuildId(), queue)
		require.Equal(t, enumspb.WORKER_VERSIONING_MODE_VERSIONED, poller.GetDeploymentOptions().GetWorkerVersioningMode())
		if queue == contract.QueuePayment {
			require.InDelta(t, 7.5, poller.GetRatePerSecond(), 0)
		} else {
			require.GreaterOrEqual(t, poller.GetRatePerSecond(), float64(mostPerSecond), queue)
		}
	}
	host.awaitPollers(contract.QueueOrders, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	host.end()
}

func TestAHostWhoseSlotsAndPollersFollowTheLoadPolls(t *testing.T) {
	host := boot(t, temporaltest.Start(t), nowhere, "--slots=resources", "--pollers=autoscaling", "--queues=orders,payment")
	for _, queue := range []string{contract.QueueOrders, contract.QueuePayment} {
		host.awaitPollers(queue, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	}
	host.awaitPollers(contract.QueueOrders, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	host.end()
}

func TestAnOrderIsPinnedToTheVersionOfItsWorkers(t *testing.T) {
	host := boot(t, temporaltest.Start(t), nowhere, "--deployment=orderflow")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	workers := deployment.Open(host.client, "orderflow")
	require.NoError(t, workers.AwaitPollers(ctx, "v1"))
	require.NoError(t, workers.MakeCurrent(ctx, "v1"))

	// An input of another order ends the workflow in its first task.
	_, err := host.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "order-pinned", TaskQueue: contract.QueueOrders},
		contract.PlaceOrder, contract.PlaceOrderInput{OrderID: "order-other"})
	require.NoError(t, err)
	require.Error(t, host.client.GetWorkflow(ctx, "order-pinned", "").Get(ctx, nil))
	ended := host.events("order-pinned", enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
	require.Len(t, ended, 1)
	attributes := ended[0].GetWorkflowTaskCompletedEventAttributes()
	require.Equal(t, enumspb.VERSIONING_BEHAVIOR_PINNED, attributes.GetVersioningBehavior())
	require.Equal(t, "v1", attributes.GetDeploymentVersion().GetBuildId())
	host.end()
}

func TestAHostPollsOnlyTheQueuesItIsGiven(t *testing.T) {
	addr := temporaltest.Start(t)
	host := boot(t, addr, nowhere, "--queues=payment")
	poller := host.awaitPollers(contract.QueuePayment, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	require.NotEqual(t, enumspb.WORKER_VERSIONING_MODE_VERSIONED, poller.GetDeploymentOptions().GetWorkerVersioningMode())
	host.end()
	for _, queue := range []string{contract.QueueOrders, contract.QueueShipping} {
		require.Empty(t, host.pollers(queue, enumspb.TASK_QUEUE_TYPE_ACTIVITY), queue)
		require.Empty(t, host.pollers(queue, enumspb.TASK_QUEUE_TYPE_WORKFLOW), queue)
	}
}

// slowOrders is an order service that answers when it is told to.
type slowOrders struct {
	asked, answer chan struct{}
}

func (s slowOrders) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	select {
	case s.asked <- struct{}{}:
	default: // asked before
	}
	select {
	case <-s.answer:
	case <-r.Context().Done():
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(order.Acknowledgement{}) // the caller may have gone
}

// register puts a server into Consul under the name of a service.
func register(t *testing.T, consulAddr, service string, handler http.Handler) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	at, err := netip.ParseAddrPort(server.Listener.Addr().(*net.TCPAddr).String())
	require.NoError(t, err)
	consul, err := discovery.NewConsul(discovery.ConsulConfig{Addr: consulAddr}, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(consul.Close)
	registration, err := consul.Register(t.Context(), discovery.Instance{
		ID: service + "-1", Name: service, Host: at.Addr().String(), Port: int(at.Port()),
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = registration.Deregister(context.WithoutCancel(t.Context())) })
}

func TestAHostFinishesTheActivityInItsHandsBeforeItEnds(t *testing.T) {
	consul := consultest.Start(t)
	service := slowOrders{asked: make(chan struct{}, 1), answer: make(chan struct{})}
	answer := sync.OnceFunc(func() { close(service.answer) })
	defer answer()
	register(t, consul.Addr, "order", service)
	host := boot(t, temporaltest.Start(t), consul.Addr, "--drain-workers=30s")

	input := contract.PlaceOrderInput{
		OrderID: contract.OrderIDForKey("cust-ada", "drain"), CustomerID: "cust-ada", Total: money.New(1, "USD"),
		Settings: contract.Settings{FastWayOff: true},
	}
	_, err := host.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: input.OrderID, TaskQueue: contract.QueueOrders, Priority: temporal.Priority{FairnessKey: input.CustomerID},
	}, contract.PlaceOrder, input)
	require.NoError(t, err)
	select {
	case <-service.asked:
	case <-time.After(patience):
		require.Fail(t, "the order service was not asked")
	}

	host.stop()
	idle := len(contract.Queues()) - 1
	stopped := func() int { return host.logs.FilterMessage("Stopped Worker").Len() } // Temporal's words
	require.Eventually(t, func() bool { return stopped() >= idle }, patience, time.Millisecond)
	described, err := host.client.DescribeWorkflowExecution(t.Context(), input.OrderID, "")
	require.NoError(t, err)
	require.Len(t, described.GetPendingActivities(), 1)
	require.Equal(t, idle, stopped(), "the worker with the activity waits for it")
	require.Empty(t, host.ended)
	answer()
	host.end()

	require.Len(t, host.events(input.OrderID, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED), 1)
}
