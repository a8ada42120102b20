package placement

import (
	"context"

	"orderflow/gateway/internal/workflowclient"
	"orderflow/workflows/contract"
)

// AwaitOutcome waits until the order is shipped or undone, at most until ctx
// ends. Nil says that it is, or that the workflow has ended. The error says
// that nobody knows; the placement goes on.
//
// All who wait share one update, by its ID: it stays open until the outcome, even
// when those who asked have gone, and an order takes only ten open updates. Its
// cancellation, and what operators want of it, are updates as well.
func (p *Placements) AwaitOutcome(ctx context.Context, orderID string) error {
	err := p.workflows.Update(ctx, workflowclient.Update{
		WorkflowID: orderID, Name: contract.UpdateAwaitOutcome, ID: contract.UpdateAwaitOutcome,
	}, nil)
	if err == nil || hasEnded(err) {
		return nil
	}
	return err
}
