package workflows_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
)

// mostEventsOfAHealthyOrder is the bound for an order that ships without a
// wait.
const mostEventsOfAHealthyOrder = 16

// cost is what one order costs at Temporal.
type cost struct {
	events int
	// actions as Temporal Cloud bills them: a start, each attempt of an
	// activity, all local activities of one workflow task together, a timer, an
	// update, a signal, an upsert of search attributes.
	actions int
	// tasks are workflow tasks: round trips to a worker.
	tasks int
}

func costOf(recorded *history.History) cost {
	c := cost{events: len(recorded.GetEvents())}
	counted := false // the local activities of this task
	for _, event := range recorded.GetEvents() {
		switch event.GetEventType() {
		case enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			c.tasks++
			counted = false
		case enums.EVENT_TYPE_MARKER_RECORDED:
			if !counted {
				c.actions++
			}
			counted = true
		case enums.EVENT_TYPE_ACTIVITY_TASK_STARTED:
			c.actions += int(event.GetActivityTaskStartedEventAttributes().GetAttempt())
		case enums.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
			enums.EVENT_TYPE_TIMER_STARTED,
			enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
			enums.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
			enums.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED,
			enums.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
			c.actions++
		default: // free
		}
	}
	return c
}

func recordedHistory(t *testing.T, path string) *history.History {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	recorded, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
	require.NoError(t, err)
	return recorded
}

// TestTheDocumentedCostsAreThoseOfTheHistories keeps the table in the
// operations guide true. "go test ./workflows -run Costs -update" writes it.
func TestTheDocumentedCostsAreThoseOfTheHistories(t *testing.T) {
	var table strings.Builder
	table.WriteString("| Story | Events | Billable actions | Workflow tasks |\n|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(stories())) {
		c := costOf(recordedHistory(t, filepath.Join("testdata", "histories", name+".json")))
		fmt.Fprintf(&table, "| %s | %d | %d | %d |\n", strings.ReplaceAll(name, "-", " "), c.events, c.actions, c.tasks)
		if name == "ships" {
			require.LessOrEqual(t, c.events, mostEventsOfAHealthyOrder)
		}
	}

	const guide, begin, end = "../docs/operations.md", "<!-- costs: begin -->\n", "<!-- costs: end -->"
	text, err := os.ReadFile(guide)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), begin)
	require.True(t, found)
	documented, after, found := strings.Cut(rest, end)
	require.True(t, found)
	if *update {
		require.NoError(t, os.WriteFile(guide, []byte(before+begin+table.String()+end+after), 0o600))
		return
	}
	require.Equal(t, table.String(), documented)
}
