package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"

	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// intervened is the type of the events that record what people decided.
const intervened = "OrderIntervened"

// settlements are what operators have said about compensations of an order: a
// recovery must not do again what somebody has done by hand. They stand in the
// order's stream. A word that was accepted just before its workflow was closed
// may not have come there, so the history of the last run is read as well; what
// runs before that one have left unrecorded, the input of the last run carries
// on.
func (a *Reconciliation) settlements(ctx context.Context, orderID string, last lastRun) ([]contract.Settlement, error) {
	events, err := a.Orders.Events(ctx, orderID)
	if err != nil && problem.CodeOf(err) != problem.NotFound {
		return nil, fmt.Errorf("reading the events of %s: %w", orderID, err)
	}
	recorded, err := Settlements(events)
	if err != nil {
		return nil, fmt.Errorf("reading the events of %s: %w", orderID, err)
	}
	accepted, err := a.accepted(ctx, orderID, last)
	if err != nil {
		return nil, err
	}
	var carried []contract.Settlement
	if last.recovery() {
		carried = last.input.Recovery.Settled
	}
	return firstWords(slices.Concat(recorded, carried, accepted)), nil
}

// Settlements reads from an order's stream which compensations operators have
// skipped or resolved.
func Settlements(events []order.Event) ([]contract.Settlement, error) {
	var settled []contract.Settlement
	for _, event := range events {
		if event.EventType != intervened {
			continue
		}
		var said order.Intervention
		if err := json.Unmarshal(event.Payload, &said); err != nil {
			return nil, fmt.Errorf("version %d: %w", event.Version, err)
		}
		if update, settles := settledBy[said.Action]; settles {
			settled = append(settled, contract.Settlement{Update: update, OperatorRequest: contract.OperatorRequest{
				Step: said.Step, Reason: said.Reason, RequestedBy: said.Actor,
			}})
		}
	}
	return settled, nil
}

// settledBy are the updates behind the decisions that end a compensation.
var settledBy = map[order.InterventionAction]string{
	order.InterventionSkip:    contract.UpdateSkip,
	order.InterventionResolve: contract.UpdateResolve,
}

// accepted are the words that a run has accepted, by its own history. It has
// none when Temporal does not have the run any more.
func (a *Reconciliation) accepted(ctx context.Context, orderID string, run lastRun) ([]contract.Settlement, error) {
	if !run.known {
		return nil, nil
	}
	var settled []contract.Settlement
	history := a.Temporal.GetWorkflowHistory(ctx, orderID, run.runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		var forgotten *serviceerror.NotFound
		if errors.As(err, &forgotten) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the history of %s: %w", orderID, err)
		}
		word, err := a.settlement(event)
		if err != nil {
			return nil, fmt.Errorf("reading event %d in the history of %s: %w", event.GetEventId(), orderID, err)
		}
		if word != nil {
			settled = append(settled, *word)
		}
	}
	return settled, nil
}

// errUnreadableWord says that nobody here can read what an operator has said: a
// recovery might do again what was done by hand.
var errUnreadableWord = errors.New("an operator's decision cannot be read")

// settlement is the word that an event of a history has accepted; nil for any
// other event.
func (a *Reconciliation) settlement(event *historypb.HistoryEvent) (*contract.Settlement, error) {
	input := event.GetWorkflowExecutionUpdateAcceptedEventAttributes().GetAcceptedRequest().GetInput()
	if update := input.GetName(); update != contract.UpdateSkip && update != contract.UpdateResolve {
		return nil, nil
	}
	word := contract.Settlement{Update: input.GetName()}
	if err := a.Converter.FromPayloads(input.GetArgs(), &word.OperatorRequest); err != nil {
		return nil, fmt.Errorf("%w: %w", errUnreadableWord, err)
	}
	return &word, nil
}

// firstWords leaves out what is said about a step again. Nobody can settle a
// compensation twice, but a word may be found in several places.
func firstWords(all []contract.Settlement) []contract.Settlement {
	var first []contract.Settlement
	for _, word := range all {
		if !slices.ContainsFunc(first, func(w contract.Settlement) bool { return w.Step == word.Step }) {
			first = append(first, word)
		}
	}
	return first
}
