package placement

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"orderflow/gateway/internal/workflowclient"
	"orderflow/internal/problem"
	"orderflow/workflows/contract"
)

// Message asks the saga of one order for a decision: an update of
// workflows/contract with its request. Its makers are the functions below.
type Message struct {
	update  string
	request any
	key     string
}

// WithKey makes a message that is sent again under the same key one with the
// first: it is decided once, and the second answer is the first. Another
// request under the same key is another message. A key is any text; the empty
// one is none.
func (m Message) WithKey(key string) Message {
	m.key = key
	return m
}

// Cancel asks for the order to be undone.
func Cancel(request contract.CancelRequest) Message { return ask(contract.UpdateCancel, request) }

// Hold asks for the order to stop before its next step.
func Hold(request contract.HoldRequest) Message { return ask(contract.UpdateHold, request) }

// Release lets a held order go on.
func Release(request contract.HoldRequest) Message { return ask(contract.UpdateRelease, request) }

// Fix replaces what a service has refused.
func Fix(request contract.FixRequest) Message { return ask(contract.UpdateFix, request) }

// Retry tries a blocked step or compensation now.
func Retry(request contract.OperatorRequest) Message { return ask(contract.UpdateRetry, request) }

// Skip gives a blocked compensation up.
func Skip(request contract.OperatorRequest) Message { return ask(contract.UpdateSkip, request) }

// Resolve takes a blocked compensation for done.
func Resolve(request contract.OperatorRequest) Message { return ask(contract.UpdateResolve, request) }

func ask(update string, request any) Message { return Message{update: update, request: request} }

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
	contract.ErrorAlreadyCancelled: {problem.Conflict, "the order is being cancelled already"},
	contract.ErrorUndecided:        {problem.Conflict, "it is being found out whether the order can still be undone: ask for it again later"},
	contract.ErrorRecovering:       {problem.Conflict, "the order is being recovered: ask for it again later"},
	contract.ErrorAlreadyHeld:      {problem.Conflict, "the order is on hold already"},
	contract.ErrorNotHeld:          {problem.Conflict, "the order is not on hold"},
	contract.ErrorHeldByOperator:   {problem.Conflict, "an operator has put the order on hold: only operators release it"},
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
//     arrive. Sending it again is safe: with a key it is decided once, and
//     without one a second is refused, changes nothing or, of Fix, replaces
//     the same once more.
func (p *Placements) Send(ctx context.Context, orderID string, message Message) (contract.Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeouts.Decision)
	defer cancel()

	id, err := message.updateID()
	if err != nil {
		return contract.Progress{}, err
	}
	var progress contract.Progress
	err = p.workflows.Update(ctx, workflowclient.Update{
		WorkflowID: orderID, ID: id, Name: message.update, Request: message.request,
	}, &progress)
	if err != nil {
		return contract.Progress{}, decisionError(err)
	}
	return progress, nil
}

// updateID is made of all that makes two messages the same one: the key, what
// is asked for, and by whom, which is part of the request. It is a hash because
// everybody who sees the workflow sees it. Without a key it is empty, so that
// Temporal takes every message for a new one.
func (m Message) updateID() (string, error) {
	if m.key == "" {
		return "", nil
	}
	content, err := json.Marshal([]any{m.key, m.update, m.request})
	if err != nil {
		return "", fmt.Errorf("encoding the message %s: %w", m.update, err)
	}
	sum := sha256.Sum256(content)
	return "key-" + hex.EncodeToString(sum[:16]), nil
}

func decisionError(err error) error {
	if hasEnded(err) {
		return ErrEnded
	}
	kind, _ := workflowclient.Refusal(err)
	refusal, known := refusals[kind]
	if !known {
		return err
	}
	return problem.New(refusal.code, refusal.detail).WithCause(err)
}

// hasEnded reports whether an update failed because its workflow is closed:
// the server does not find it then.
func hasEnded(err error) bool {
	kind, _ := workflowclient.Refusal(err)
	return kind == updateLostToTheEnd || problem.CodeOf(err) == problem.NotFound
}
