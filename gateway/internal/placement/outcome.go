package placement

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"orderflow/internal/problem"
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

// ErrEnded says that the placement has come to its end, so that nothing can be
// decided about it any more. The order itself tells how it ended.
var ErrEnded = errors.New("the placement has ended")

// Cancel asks the saga to undo the order. Nil says that it will. Otherwise:
//
//   - problem.TooLate: the carrier has the order, or nearly;
//   - problem.Conflict: it is being cancelled already;
//   - ErrEnded: the saga has ended, or Temporal does not have it any more;
//   - problem.Unavailable: nobody decided in time. Asking again is safe.
func (p *Placements) Cancel(ctx context.Context, orderID string, request contract.CancelRequest) error {
	ctx, cancel := context.WithTimeout(ctx, p.timeouts.Cancel)
	defer cancel()

	handle, err := p.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID:   orderID,
		UpdateName:   contract.UpdateCancel,
		Args:         []any{request},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, nil)
	}
	var refusal *temporal.ApplicationError
	switch {
	case err == nil:
		return nil
	case isNotFound(err):
		return ErrEnded
	case !errors.As(err, &refusal):
		return unavailable(fmt.Errorf("cancelling the order: %w", err))
	}
	switch refusal.Type() {
	case contract.ErrorTooLate:
		return problem.New(problem.TooLate, "the order cannot be cancelled any more: it has shipped or is about to").WithCause(err)
	case contract.ErrorAlreadyCancelled:
		return problem.New(problem.Conflict, "the order is cancelled already").WithCause(err)
	case updateLostToTheEnd:
		return ErrEnded
	default:
		return fmt.Errorf("cancelling the order: %w", err)
	}
}

// updateLostToTheEnd is the failure that the server gives an accepted update
// whose workflow closed before the update completed.
const updateLostToTheEnd = "AcceptedUpdateCompletedWorkflow"
