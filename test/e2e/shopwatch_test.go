package e2e_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"orderflow/workflows/contract"
)

// ask queries the order's workflow. A query can get lost with the workflow task
// that it came with, so it is not waited for long.
func (s *shop) ask(id, query string, into any) error {
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Second)
	defer cancel()
	answer, err := s.workflows.QueryWorkflow(ctx, id, "", query)
	if err != nil {
		return err
	}
	return answer.Get(into)
}

// awaitStep waits until a step of the order has come to a state.
func (s *shop) awaitStep(id, name string, state contract.StepState) {
	s.t.Helper()
	s.eventually(func() bool {
		var progress contract.Progress
		return s.ask(id, contract.QueryProgress, &progress) == nil &&
			slices.ContainsFunc(progress.Steps, func(step contract.StepProgress) bool { return step.Name == name && step.State == state })
	}, "%s of %s becomes %s", name, id, state)
}

// awaitDetails waits until the Temporal UI shows a text among the order's
// current details.
func (s *shop) awaitDetails(id, text string) {
	s.t.Helper()
	s.eventually(func() bool {
		var metadata sdkpb.WorkflowMetadata
		return s.ask(id, "__temporal_workflow_metadata", &metadata) == nil && strings.Contains(metadata.GetCurrentDetails(), text)
	}, "%s shows %q", id, text)
}

func (s *shop) awaitListed(query string) {
	s.t.Helper()
	s.eventually(func() bool { return isListed(s.t, s.workflows, query) }, "%s", query)
}

// isListed tells whether the lists of workflows, which lag behind, have exactly
// one that is so.
func isListed(t *testing.T, temporal client.Client, query string) bool {
	counted, err := temporal.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: query})
	return err == nil && counted.GetCount() == 1
}
