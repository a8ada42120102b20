package workflows_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"orderflow/activities"
	"orderflow/internal/temporalclient/temporaltest"
	"orderflow/services/inventory"
	"orderflow/services/notification"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
	"orderflow/workflows"
	"orderflow/workflows/contract"
)

// histories are the saved ones of orders; its folders have those of pairs of
// messages, of the workflows that hold services, and of Reconcile.
const histories = "testdata/histories"

var record = flag.Bool("record", false, "record the histories that are missing in testdata/histories")

// TestRecordHistories writes what is missing, and changes nothing that is there.
// It is run by "make histories".
func TestRecordHistories(t *testing.T) {
	if !*record {
		t.Skip("not asked for: make histories")
	}
	addr := temporaltest.Start(t,
		"--search-attribute", contract.AttributeOrderState+"=Keyword", "--search-attribute", contract.AttributeCustomerID+"=Keyword",
		"--search-attribute", contract.AttributeFailedStep+"=Keyword", "--search-attribute", contract.AttributeNeedsAttention+"=Bool",
		// So that a hold goes on as a new run after a few orders.
		"--dynamic-config-value", fmt.Sprintf("limit.historyCount.suggestContinueAsNew=%d", longHistory))
	quiet := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	worker := &mortal{}
	connected, err := client.Dial(client.Options{HostPort: addr, Namespace: temporaltest.Namespace, Logger: quiet,
		ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(worker.respond)}}})
	require.NoError(t, err)
	defer connected.Close()

	keep := func(folder, name string, tell func(*recording) *history.History) {
		t.Run(name, func(t *testing.T) {
			write(t, filepath.Join(histories, folder, name+".json"), func() *history.History {
				return tell(&recording{t: t, temporal: connected, worker: worker, services: newServices()})
			})
		})
	}
	for name, story := range stories() {
		keep("", name, func(r *recording) *history.History { return r.tell(story) })
	}
	for _, pair := range pairs() {
		keep("pairs", pair.fileName(), func(r *recording) *history.History { return r.tellPair(pair) })
	}
	for name, tell := range storiesOfDependencies() {
		keep("dependencies", name, tell)
	}
	for name, tell := range storiesOfRounds() {
		keep("reconcile", name, tell)
	}
}

// mortal is a worker that may die when it has run a workflow task, so that the
// server never hears of it.
type mortal struct{ dies atomic.Bool }

// respond implements grpc.UnaryClientInterceptor.
func (m *mortal) respond(ctx context.Context, method string, request, reply any, to *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	if _, ended := request.(*workflowservice.RespondWorkflowTaskCompletedRequest); ended && m.dies.CompareAndSwap(true, false) {
		return status.Error(codes.NotFound, "there is no such worker any more")
	}
	return invoke(ctx, method, request, reply, to, options...)
}

// longHistory is after how many events the server of the recordings suggests to
// go on as a new run.
const longHistory = 30

// write writes what was recorded, unless the file exists: then nothing is
// recorded.
func write(t *testing.T, file string, record func() *history.History) {
	t.Helper()
	if _, err := os.Stat(file); err == nil {
		return
	}
	text, err := protojson.Marshal(record())
	require.NoError(t, err)
	var stable bytes.Buffer // protojson varies its spaces on purpose
	require.NoError(t, json.Indent(&stable, text, "", " "))
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o750))
	created, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	require.NoError(t, err)
	_, err = created.Write(stable.Bytes())
	require.NoError(t, errors.Join(err, created.Close()))
}

// A history tells of orders that an older version has begun: to record it again
// would hide that they do not replay any more.
func TestARecordingNeverReplacesAHistory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pairs", "ships.json")
	write(t, file, func() *history.History { return &history.History{Events: []*history.HistoryEvent{{EventId: 1}}} })
	first, err := os.ReadFile(file)
	require.NoError(t, err)
	write(t, file, func() *history.History { t.Fatal("it was recorded again"); return nil })
	second, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, first, second)
}

// recording is one placement on a real server.
type recording struct {
	t        *testing.T
	temporal client.Client
	worker   *mortal
	services *services
	// round is what Reconcile meets; nil where it does not run.
	round *rounds
	// rest stops the workers.
	rest func()
	// ended is the error with which the workflow has ended, if any.
	ended error
}

// tell runs the story to its end and returns its history.
func (r *recording) tell(story story) *history.History {
	if story.script != nil {
		story.script(r.services)
	}
	r.worker.dies.Store(story.lost)
	r.work()
	defer func() { r.rest() }()
	in := input(story.way)
	in.Recovery = story.recovery
	run := r.start(in, story.held)
	defer func() {
		_ = r.temporal.TerminateWorkflow(context.Background(), orderID, run.GetRunID(), "the recording failed")
	}()
	if story.drive != nil {
		story.drive(r)
	}
	r.ended = run.Get(r.t.Context(), nil) // most end with an error
	return r.historyOf(orderID, run.GetRunID())
}

// start starts the order. Held says that its first task brings a hold with it.
func (r *recording) start(in contract.PlaceOrderInput, held bool) client.WorkflowRun {
	options := client.StartWorkflowOptions{
		ID: orderID, TaskQueue: contract.QueueOrders, StaticSummary: "2 items, 25.00 USD",
		WorkflowTaskTimeout: contract.WorkflowTaskTimeout,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			temporal.NewSearchAttributeKeyKeyword(contract.AttributeOrderState).ValueSet(string(contract.SagaRunning))),
	}
	if !held {
		run, err := r.temporal.ExecuteWorkflow(r.t.Context(), options, contract.PlaceOrder, in)
		require.NoError(r.t, err)
		return run
	}
	options.WorkflowIDConflictPolicy = enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL
	starting := r.temporal.NewWithStartWorkflowOperation(options, contract.PlaceOrder, in)
	_, err := r.temporal.UpdateWithStartWorkflow(r.t.Context(), client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: starting,
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateName: contract.UpdateHold, Args: []any{holdRequest()}, WaitForStage: client.WorkflowUpdateStageAccepted,
		},
	})
	require.NoError(r.t, err)
	run, err := starting.Get(r.t.Context())
	require.NoError(r.t, err)
	return run
}

func (r *recording) historyOf(id, runID string) *history.History {
	recorded := &history.History{}
	events := r.temporal.GetWorkflowHistory(r.t.Context(), id, runID, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(r.t, err)
		recorded.Events = append(recorded.Events, event)
	}
	return recorded
}

// work polls every queue until rest is called.
func (r *recording) work() {
	var workers []worker.Worker
	for _, queue := range contract.Queues() {
		w := worker.New(r.temporal, queue, worker.Options{DisableWorkflowWorker: queue != contract.QueueOrders})
		if queue == contract.QueueOrders {
			w.RegisterWorkflow(workflows.PlaceOrder)
			w.RegisterWorkflow(workflows.HoldDependency)
			w.RegisterWorkflow(workflows.ReleaseDependency)
			w.RegisterWorkflow(workflows.Reconcile)
			r.round.work(w)
		}
		for _, hands := range []any{
			&activities.Orders{Client: order.NewClient(r.services)},
			&activities.Inventory{Client: inventory.NewClient(r.services)},
			&activities.Payment{Client: payment.NewClient(r.services)},
			&activities.Shipping{Client: shipping.NewClient(r.services)},
			&activities.Notification{Client: notification.NewClient(r.services)},
		} {
			w.RegisterActivity(hands)
		}
		require.NoError(r.t, w.Start())
		workers = append(workers, w)
	}
	r.rest = func() {
		for _, w := range workers {
			w.Stop()
		}
	}
}

func (r *recording) await(until func(contract.Progress) bool) {
	require.Eventually(r.t, func() bool {
		value, err := r.temporal.QueryWorkflow(r.t.Context(), orderID, "", contract.QueryProgress)
		if err != nil {
			return false
		}
		var progress contract.Progress
		return value.Get(&progress) == nil && until(progress)
	}, time.Minute, 20*time.Millisecond)
}

func (r *recording) send(update string, request any) {
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	handle, err := r.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: orderID, UpdateName: update, Args: []any{request}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(r.t, err)
	require.NoError(r.t, handle.Get(ctx, nil))
}
