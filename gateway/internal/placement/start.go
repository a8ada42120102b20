package placement

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"orderflow/gateway/internal/workflowclient"
	"orderflow/internal/problem"
	"orderflow/workflows/contract"
)

// startAttempts is how often a start is tried whose result is not known. The
// workflow's ID makes the second attempt harmless.
const startAttempts = 2

// Start places the order. It returns nil when this call, or an earlier one with
// the same order ID and request hash, has started the workflow. Otherwise:
//
//   - problem.KeyReused: the order ID belongs to another request;
//   - problem.Unavailable: Temporal did not answer in time. The workflow may
//     have been started.
func (p *Placements) Start(ctx context.Context, input contract.PlaceOrderInput) error {
	var err error
	for range startAttempts {
		err = p.start(ctx, input)
		switch {
		case err == nil:
			return nil
		case workflowclient.IsAlreadyStarted(err):
			return p.compare(ctx, input)
		case workflowclient.IsRejected(err):
			// Another attempt would be rejected as well.
			return err
		case ctx.Err() != nil:
			return p.workflows.Unavailable(err)
		}
	}
	return p.workflows.Unavailable(err)
}

func (p *Placements) start(ctx context.Context, input contract.PlaceOrderInput) error {
	ctx, cancel := context.WithTimeout(ctx, p.timeouts.Start)
	defer cancel()
	return p.workflows.Start(ctx, startOptions(input), contract.PlaceOrder, input)
}

// startOptions has no other timeout: an order waits as long as it must.
func startOptions(input contract.PlaceOrderInput) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                                       input.OrderID,
		TaskQueue:                                contract.QueueOrders,
		WorkflowTaskTimeout:                      contract.WorkflowTaskTimeout,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		Memo: map[string]any{
			contract.MemoRequestHash: input.RequestHash,
			contract.MemoCustomerID:  input.CustomerID,
		},
		TypedSearchAttributes: temporal.NewSearchAttributes(
			temporal.NewSearchAttributeKeyKeyword(contract.AttributeOrderState).ValueSet(string(contract.SagaRunning)),
			temporal.NewSearchAttributeKeyKeyword(contract.AttributeCustomerID).ValueSet(input.CustomerID),
		),
		// Where the server is fair, a customer with a thousand orders does not
		// keep the others waiting; activities inherit the key. A customer's ID is
		// within the 64 bytes that a key may have.
		Priority:      temporal.Priority{FairnessKey: input.CustomerID},
		StaticSummary: input.Summary(),
		StaticDetails: input.Details(),
	}
}

// compare decides whether the workflow that has the order's ID was started by
// an equal request.
func (p *Placements) compare(ctx context.Context, input contract.PlaceOrderInput) error {
	found, err := p.Find(ctx, input.OrderID)
	if err != nil {
		// The workflow is there; only nobody can say whose it is.
		return p.workflows.Unavailable(err)
	}
	if found.CustomerID != input.CustomerID || found.RequestHash != input.RequestHash {
		return problem.New(problem.KeyReused, "the Idempotency-Key was used with another body")
	}
	return nil
}
