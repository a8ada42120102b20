package placement

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

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
		case isAlreadyStarted(err):
			return p.compare(ctx, input)
		case isRefusal(err):
			// Another attempt would be refused as well.
			return fmt.Errorf("starting the order's workflow: %w", err)
		case ctx.Err() != nil:
			return unavailable(err)
		}
	}
	return unavailable(fmt.Errorf("starting the order's workflow: %w", err))
}

func (p *Placements) start(ctx context.Context, input contract.PlaceOrderInput) error {
	ctx, cancel := context.WithTimeout(ctx, p.timeouts.Start)
	defer cancel()
	_, err := p.temporal.ExecuteWorkflow(ctx, startOptions(input), contract.PlaceOrder, input)
	return err
}

// startOptions has no timeout: an order waits as long as it must.
func startOptions(input contract.PlaceOrderInput) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                                       input.OrderID,
		TaskQueue:                                contract.QueueOrders,
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
		StaticSummary: summary(input),
		StaticDetails: details(input),
	}
}

// compare decides whether the workflow that has the order's ID was started by
// an equal request.
func (p *Placements) compare(ctx context.Context, input contract.PlaceOrderInput) error {
	found, err := p.Find(ctx, input.OrderID)
	if err != nil {
		// The workflow is there; only nobody can say whose it is.
		return unavailable(err)
	}
	if found.CustomerID != input.CustomerID || found.RequestHash != input.RequestHash {
		return problem.New(problem.KeyReused, "the Idempotency-Key was used with another body")
	}
	return nil
}

func isAlreadyStarted(err error) bool {
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	return errors.As(err, &started)
}

// isRefusal reports an answer of the server that a repetition does not change.
func isRefusal(err error) bool {
	var invalid *serviceerror.InvalidArgument
	var missing *serviceerror.NamespaceNotFound
	var denied *serviceerror.PermissionDenied
	return errors.As(err, &invalid) || errors.As(err, &missing) || errors.As(err, &denied)
}
