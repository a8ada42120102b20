package placement

import (
	"context"

	"orderflow/gateway/internal/workflowclient"
	"orderflow/workflows/contract"
)

// AwaitOutcome waits until the order is shipped or undone, at most until ctx
// ends. Nil says that it is, or that the workflow has ended. The error says
// that nobody knows; the placement goes on.
func (p *Placements) AwaitOutcome(ctx context.Context, orderID string) error {
	err := p.workflows.Update(ctx, workflowclient.Update{WorkflowID: orderID, Name: contract.UpdateAwaitOutcome}, nil)
	if err == nil || hasEnded(err) {
		return nil
	}
	return err
}
