package workflows_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderflow/workflows"
)

// TestSavedHistoriesReplay keeps changes of the workflow compatible with
// orders that are under way: each history was recorded on a real server, and
// the code of today must come to the same commands.
func TestSavedHistoriesReplay(t *testing.T) {
	histories, err := filepath.Glob("testdata/histories/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, histories)
	for _, history := range histories {
		t.Run(filepath.Base(history), func(t *testing.T) {
			replayer := worker.NewWorkflowReplayer()
			replayer.RegisterWorkflow(workflows.PlaceOrder)
			silent := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
			file, err := os.Open(history)
			require.NoError(t, err)
			defer func() { _ = file.Close() }()
			recorded, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
			require.NoError(t, err)
			id := recorded.Events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId()
			require.NotEmpty(t, id)
			require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(silent, recorded, worker.ReplayWorkflowHistoryOptions{
				OriginalExecution: workflow.Execution{ID: id},
			}))
		})
	}
}
