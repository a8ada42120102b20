package temporalclient_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/prototext"

	"orderflow/internal/payloadcodec"
	"orderflow/internal/payloadcodec/keyring"
	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
	"orderflow/internal/temporalclient/temporaltest"
)

// Everything below is on purpose so that a look at the history would find it.
const (
	inputText    = "Ada Lovelace"
	memoText     = "Analytical Engine"
	summaryText  = "Difference Engine"
	detailsText  = "twelve brass wheels"
	currentText  = "waiting for the engraver"
	resultText   = "gift for Byron"
	failureText  = "Saint James Square does not exist"
	activityText = "call the engraver"
)

func texts() []string {
	return []string{inputText, memoText, summaryText, detailsText, currentText, resultText, failureText, activityText}
}

// dial connects with the keys of the IDs; the first one is current.
func dial(t *testing.T, addr string, ids ...string) client.Client {
	t.Helper()
	var codec payloadcodec.Codec
	if len(ids) > 0 {
		keys := make(map[string][]byte)
		for _, id := range ids {
			keys[id] = []byte(strings.Repeat(id[len(id)-1:], keyring.KeySize))
		}
		ring, err := keyring.New(ids[0], keys)
		require.NoError(t, err)
		codec = payloadcodec.New(ring)
	}
	connected, err := temporalclient.Dial(t.Context(),
		temporalclient.Config{Addr: addr, Namespace: temporaltest.Namespace, Codec: codec}, telemetry.Discard())
	require.NoError(t, err)
	t.Cleanup(connected.Close)
	return connected
}

// engrave uses every way in which a workflow stores something.
func engrave(ctx workflow.Context, customer string) (string, error) {
	workflow.SetCurrentDetails(ctx, currentText)
	local := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Minute})
	var result string
	if err := workflow.ExecuteLocalActivity(local, "engraving", customer).Get(ctx, &result); err != nil {
		return "", err
	}
	remote := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, Summary: activityText})
	return result, workflow.ExecuteActivity(remote, "delivery", result).Get(ctx, nil)
}

func engraving(_ context.Context, customer string) (string, error) {
	if customer != inputText {
		return "", errors.New("another customer")
	}
	return resultText, nil
}

func delivery(context.Context, string) error {
	return temporal.NewNonRetryableApplicationError(failureText, "no-such-address", errors.New(failureText), failureText)
}

// work polls with the client until the returned function is called.
func work(t *testing.T, c client.Client, queue string) (stop func()) {
	t.Helper()
	w := worker.New(c, queue, worker.Options{})
	w.RegisterWorkflowWithOptions(engrave, workflow.RegisterOptions{Name: "engrave"})
	w.RegisterActivityWithOptions(engraving, activity.RegisterOptions{Name: "engraving"})
	w.RegisterActivityWithOptions(delivery, activity.RegisterOptions{Name: "delivery"})
	require.NoError(t, w.Start())
	return w.Stop
}

func begin(t *testing.T, c client.Client, queue string) client.WorkflowRun {
	t.Helper()
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
		ID: "order-" + queue, TaskQueue: queue, Memo: map[string]any{"note": memoText},
		StaticSummary: summaryText, StaticDetails: detailsText,
	}, "engrave", inputText)
	require.NoError(t, err)
	return run
}

func history(t *testing.T, c client.Client, run client.WorkflowRun) []*historypb.HistoryEvent {
	t.Helper()
	answer, err := c.WorkflowService().GetWorkflowExecutionHistory(t.Context(), &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace: temporaltest.Namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: run.GetID(), RunId: run.GetRunID()},
	})
	require.NoError(t, err)
	return answer.GetHistory().GetEvents()
}

// stored is whatever the server can tell of a workflow, as text.
func stored(t *testing.T, c client.Client, run client.WorkflowRun) string {
	t.Helper()
	var all strings.Builder
	for _, event := range history(t, c, run) {
		all.WriteString(prototext.Format(event))
	}
	description, err := c.DescribeWorkflowExecution(t.Context(), run.GetID(), run.GetRunID())
	require.NoError(t, err)
	all.WriteString(prototext.Format(description))
	metadata, err := c.WorkflowService().QueryWorkflow(t.Context(), &workflowservice.QueryWorkflowRequest{
		Namespace: temporaltest.Namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: run.GetID(), RunId: run.GetRunID()},
		Query: &querypb.WorkflowQuery{QueryType: "__temporal_workflow_metadata"},
	})
	require.NoError(t, err)
	all.WriteString(prototext.Format(metadata))
	return all.String()
}

func TestWithKeysTheServerHoldsNoClearText(t *testing.T) {
	addr := temporaltest.Start(t)
	for name, ids := range map[string][]string{"off": nil, "on": {"k1"}} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, addr, ids...)
			defer work(t, c, name)()
			run := begin(t, c, name)

			err := run.Get(t.Context(), nil)
			var failure *temporal.ApplicationError
			require.ErrorAs(t, err, &failure)
			assert.Equal(t, "no-such-address", failure.Type())
			assert.Equal(t, failureText, failure.Message(), "a client with the key reads everything")
			var details string
			require.NoError(t, failure.Details(&details))
			assert.Equal(t, failureText, details)

			all := stored(t, c, run)
			for _, text := range texts() {
				assert.Equal(t, len(ids) == 0, strings.Contains(all, text), text)
			}
			assert.Contains(t, all, "no-such-address", "lists and retry policies need the type")
		})
	}
}

// A worker that is started without the key, or before it has the new one, must
// not end an order: nothing would undo it.
func TestAnOrderWaitsUntilAWorkerHasItsKey(t *testing.T) {
	addr := temporaltest.Start(t)
	for name, ids := range map[string][]string{"another-key": {"k2"}, "switched-off": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // the server waits ten seconds before it tries a task a third time
			c := dial(t, addr, "k1")
			run := begin(t, c, name)
			stop := work(t, dial(t, addr, ids...), name)
			require.Eventually(t, func() bool {
				return slices.ContainsFunc(history(t, c, run), func(event *historypb.HistoryEvent) bool {
					return event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED
				})
			}, time.Minute, 20*time.Millisecond)
			description, err := c.DescribeWorkflowExecution(t.Context(), run.GetID(), "")
			require.NoError(t, err)
			assert.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, description.GetWorkflowExecutionInfo().GetStatus())
			stop()

			both := dial(t, addr, "k2", "k1")
			defer work(t, both, name)()
			readable := both.GetWorkflow(t.Context(), run.GetID(), run.GetRunID())
			require.ErrorContains(t, readable.Get(t.Context(), nil), failureText, "it goes on where it was")
		})
	}
}

func TestSwitchingOnHoldsUpNoRunningOrder(t *testing.T) {
	addr := temporaltest.Start(t)
	run := begin(t, dial(t, addr), "switched-on")
	with := dial(t, addr, "k1")
	defer work(t, with, "switched-on")()
	readable := with.GetWorkflow(t.Context(), run.GetID(), run.GetRunID())
	require.ErrorContains(t, readable.Get(t.Context(), nil), failureText)
	all := stored(t, with, run)
	assert.Contains(t, all, inputText, "from before")
	assert.NotContains(t, all, resultText, "from after")
}
