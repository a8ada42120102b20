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

// Message asks the saga of one order for a decision: an update of
// workflows/contract with its request. Its makers are the functions below.
type Message struct {
	update  string
	request any
}

// Cancel asks for the order to be undone.
func Cancel(request contract.CancelRequest) Message { return Message{contract.UpdateCancel, request} }

// Hold asks for the order to stop before its next step.
func Hold(request contract.HoldRequest) Message { return Message{contract.UpdateHold, request} }

// Release lets a held order go on.
func Release(request contract.HoldRequest) Message { return Message{contract.UpdateRelease, request} }

// Fix replaces what a service has refused.
func Fix(request contract.FixRequest) Message { return Message{contract.UpdateFix, request} }

// Retry tries a blocked step or compensation now.
func Retry(request contract.OperatorRequest) Message { return Message{contract.UpdateRetry, request} }

// Skip gives a blocked compensation up.
func Skip(request contract.OperatorRequest) Message { return Message{contract.UpdateSkip, request} }

// Resolve takes a blocked compensation for done.
func Resolve(request contract.OperatorRequest) Message {
	return Message{contract.UpdateResolve, request}
}

// ErrEnded says that the placement has come to its end, so that nothing can be
// decided about it any more. The order itself tells how it ended.
var ErrEnded = errors.New("the placement has ended")

// refusals are the errors with which a saga refuses a message, by their types,
// in the form that clients see.
var refusals = map[string]struct {
	code   problem.Code
	detail string
}{
	contract.ErrorTooLate:          {problem.TooLate, "it is too late: the order has shipped or is about to"},
	contract.ErrorAlreadyCancelled: {problem.Conflict, "the order is cancelled already"},
	contract.ErrorRecovering:       {problem.Conflict, "the order is being recovered: ask for it again later"},
	contract.ErrorAlreadyHeld:      {problem.Conflict, "the order is on hold already"},
	contract.ErrorNotHeld:          {problem.Conflict, "the order is not on hold"},
	contract.ErrorNothingToFix:     {problem.Conflict, "the order does not wait for this to be fixed"},
	contract.ErrorNotBlocked:       {problem.Conflict, "the step is not blocked: there is nothing to decide about it"},
	contract.ErrorNotSkippable:     {problem.Conflict, "the order cannot end without this step: it can only be retried"},
	contract.ErrorInvalidInput:     {problem.Invalid, "the order's workflow does not accept these values"},
}

// updateLostToTheEnd is the failure that the server gives an accepted update
// whose workflow closed before the update completed.
const updateLostToTheEnd = "AcceptedUpdateCompletedWorkflow"

// Send delivers a message and waits for the saga's decision. It returns the
// progress right after it; what follows from the decision is still under way.
// Otherwise:
//
//   - problem.TooLate: the carrier has the order, or nearly;
//   - problem.Conflict: the order is not in a state for this; the detail says
//     what is in the way;
//   - problem.Invalid: the saga does not accept the request's values;
//   - ErrEnded: the saga has ended, or Temporal does not have it any more;
//   - problem.Unavailable: nobody decided in time. The message may still
//     arrive. Sending it again is safe: a second one is refused or changes
//     nothing.
func (p *Placements) Send(ctx context.Context, orderID string, message Message) (contract.Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeouts.Decision)
	defer cancel()

	var progress contract.Progress
	handle, err := p.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID:   orderID,
		UpdateName:   message.update,
		Args:         []any{message.request},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, &progress)
	}
	if err != nil {
		return contract.Progress{}, decisionError(message, err)
	}
	return progress, nil
}

func decisionError(message Message, err error) error {
	if isNotFound(err) {
		// The server does not find a workflow that is closed.
		return ErrEnded
	}
	err = fmt.Errorf("sending %s to the order's workflow: %w", message.update, err)
	var refused *temporal.ApplicationError
	if !errors.As(err, &refused) {
		return unavailable(err)
	}
	if refused.Type() == updateLostToTheEnd {
		return ErrEnded
	}
	refusal, known := refusals[refused.Type()]
	if !known {
		return err
	}
	return problem.New(refusal.code, refusal.detail).WithCause(err)
}
