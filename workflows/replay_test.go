package workflows_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderflow/workflows"
)

// TestSavedHistoriesReplay keeps changes of the workflows compatible with
// orders, holds of services and rounds that are under way: each history was recorded
// on a real server, and the code of today must come to the same commands.
func TestSavedHistoriesReplay(t *testing.T) {
	for _, folder := range []string{"", "pairs", "dependencies", "reconcile"} {
		paths, err := filepath.Glob(filepath.Join(histories, folder, "*.json"))
		require.NoError(t, err)
		require.NotEmpty(t, paths, folder)
		for _, path := range paths {
			t.Run(filepath.Join(folder, filepath.Base(path)), func(t *testing.T) {
				replayer := worker.NewWorkflowReplayer()
				for _, code := range []any{workflows.PlaceOrder, workflows.HoldDependency, workflows.ReleaseDependency, workflows.Reconcile} {
					replayer.RegisterWorkflow(code)
				}
				silent := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
				recorded := recordedHistory(t, path)
				id := recorded.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()
				require.NotEmpty(t, id)
				require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(silent, recorded, worker.ReplayWorkflowHistoryOptions{
					OriginalExecution: workflow.Execution{ID: id},
				}))
			})
		}
	}
}

// A long hold, a long release and a long round go on as new runs. Those that were
// saved are cut where a run ends, and where the next one begins.
func TestTheSavedHistoriesGoOnAsNewRuns(t *testing.T) {
	for first, last := range map[string]string{
		"dependencies/held-on": "dependencies/held-on-then-released", "dependencies/letting-go": "dependencies/letting-go-to-the-end",
		"reconcile/looks": "reconcile/looks-to-the-end",
	} {
		began := recordedHistory(t, filepath.Join(histories, first+".json")).GetEvents()
		require.Equal(t, enums.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW, began[len(began)-1].GetEventType(), first)
		ended := recordedHistory(t, filepath.Join(histories, last+".json")).GetEvents()
		require.NotEmpty(t, ended[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId(), last)
		require.Equal(t, enums.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, ended[len(ended)-1].GetEventType(), last)
	}
}
