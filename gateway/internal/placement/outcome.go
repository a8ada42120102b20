package placement

import (
	"context"
	"fmt"

	"go.temporal.io/sdk/client"

	"orderflow/workflows/contract"
)

// AwaitOutcome waits until the order is shipped or undone, at most until ctx
// ends. Nil says that it is, or that the workflow has ended. The error says
// that nobody knows; the placement goes on.
func (p *Placements) AwaitOutcome(ctx context.Context, orderID string) error {
	handle, err := p.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID:   orderID,
		UpdateName:   contract.UpdateAwaitOutcome,
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	if err == nil || isNotFound(err) {
		// The server does not find a workflow that is closed.
		return nil
	}
	return unavailable(fmt.Errorf("waiting for the order's outcome: %w", err))
}
