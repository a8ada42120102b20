package activities

import (
	"context"
	"errors"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// recovery is the verdict that the order needs one. An order that is neither
// open nor shipped is undone, whatever the carrier says.
//
// The input is that of the run before, else what the order service recorded.
// Of an order that nobody knows, only what stands for it is undone.
func (s situation) recovery(reason string) verdict {
	input := contract.PlaceOrderInput{OrderID: s.suspect.OrderID}
	if s.run.input != nil {
		input = *s.run.input
	}
	if len(input.Items) == 0 && s.order != nil {
		input = recorded(*s.order)
	}
	if len(input.Items) == 0 && s.run.known && s.run.input == nil {
		return alarm("the input of the order's workflow cannot be read")
	}
	input.Recovery = &contract.Recovery{Reason: reason, Undo: !s.in(order.Draft, order.Confirmed, order.Shipped)}
	return verdict{recover: true, input: input, run: s.run, reason: reason}
}

// recorded is what an order is made of, without what only its steps needed.
func recorded(view order.View) contract.PlaceOrderInput {
	input := contract.PlaceOrderInput{
		OrderID: view.OrderID, CustomerID: view.CustomerID, CustomerName: view.CustomerName,
		Total: view.TotalAmount, RequestHash: view.RequestHash, AcceptedAt: view.CreatedAt,
	}
	for _, item := range view.Items {
		input.Items = append(input.Items, contract.Item(item))
	}
	return input
}

// start starts a recovery. started is false when another run of the order was
// faster.
func (a *Reconciliation) start(ctx context.Context, input contract.PlaceOrderInput) (started bool, err error) {
	_, err = a.Temporal.ExecuteWorkflow(ctx, recoveryOptions(input), contract.PlaceOrder, input)
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	if errors.As(err, &already) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("starting the recovery of %s: %w", input.OrderID, err)
	}
	return true, nil
}

// recoveryOptions are those of the order's first run, as the gateway chose
// them, but for the ID, which was used before. Memo and search attributes tell
// the gateway and operators whose order it is.
func recoveryOptions(input contract.PlaceOrderInput) client.StartWorkflowOptions {
	attributes := []temporal.SearchAttributeUpdate{
		temporal.NewSearchAttributeKeyKeyword(contract.AttributeOrderState).ValueSet(string(contract.SagaRunning)),
	}
	if input.CustomerID != "" {
		attributes = append(attributes, temporal.NewSearchAttributeKeyKeyword(contract.AttributeCustomerID).ValueSet(input.CustomerID))
	}
	return client.StartWorkflowOptions{
		ID:                                       input.OrderID,
		Priority:                                 temporal.Priority{FairnessKey: input.CustomerID},
		TaskQueue:                                contract.QueueOrders,
		WorkflowTaskTimeout:                      contract.WorkflowTaskTimeout,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		Memo: map[string]any{
			contract.MemoRequestHash: input.RequestHash,
			contract.MemoCustomerID:  input.CustomerID,
		},
		TypedSearchAttributes: temporal.NewSearchAttributes(attributes...),
		StaticSummary:         input.Summary(),
		StaticDetails:         input.Details(),
	}
}
