package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"
)

// What a run that an operator resets has done after that point is no part of the
// new run's history.
func TestARunAfterAResetMayRepeatWhatAnotherHasDone(t *testing.T) {
	run := workflow.Execution{ID: "order-1", RunID: "second"}

	require.True(t, newWhereabouts(&workflow.Info{WorkflowExecution: run, OriginalRunID: "first"}).mayRepeat)
	require.False(t, newWhereabouts(&workflow.Info{WorkflowExecution: run, OriginalRunID: "second"}).mayRepeat)
}
