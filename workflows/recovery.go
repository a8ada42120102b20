package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"orderflow/services/payment"
	"orderflow/services/shipping"
	"orderflow/workflows/contract"
)

// takeAsTried stands in for the steps in the second run of an order whose workflow
// ended without doing its work. What the lost run has done is known to the
// services alone. So every step is taken as tried, and only the carrier is
// asked: an order that it has accepted is finished, unless it has ended
// otherwise, and any other is undone. A late effect of the lost run meets the
// compensation's tombstone.
func (s *saga) takeAsTried(step string, answer any) error {
	at := s.progress.step(step)
	if step != contract.StepShipOrder {
		at.State = contract.StepDone
		if s.orphan() && compensationOf[step] == contract.UndoCreateOrder {
			at.State = contract.StepSkipped // there is no order
		}
		return nil
	}
	at.State = contract.StepRunning
	s.progress.publish(s.forward)
	forward, err := s.canOnlyGoForward(s.backward, durablePolicy{}, answer.(*shipping.Shipment))
	if forward {
		at.State = contract.StepDone
		return nil
	}
	if err == nil {
		err = refusal(contract.ErrorRecovered, s.in.Recovery.Reason)
	}
	s.progress.fail(step, explain(err))
	s.progress.publish(s.forward)
	return err
}

// canOnlyGoForward asks whether the order can only go forward: the carrier has
// accepted it, and the lost run had not begun to undo it. It had if the money
// is back or the stock released; the commit of the stock finds out the latter,
// because nothing can be committed after it.
//
// The caller lets nothing interrupt the questions: without their answers,
// nothing can be decided. Where an operator has settled a compensation, they need
// not be asked, and would be answered wrongly: what was done by hand, no service
// knows.
func (s *saga) canOnlyGoForward(ctx workflow.Context, policy durablePolicy, shipment *shipping.Shipment) (bool, error) {
	mustUndo := s.in.Recovery != nil && s.in.Recovery.Undo
	if s.in.Recovery != nil && len(s.in.Recovery.Settled) > 0 {
		return false, nil
	}
	ask := func(name, summary string, activity, request, answer any) error {
		policy.summary = summary
		return s.patiently(ctx, name, func() error {
			return s.callDurably(ctx, name, activity, policy, request, answer)
		})
	}
	var found shipping.Shipment // what the step itself has answered may be outdated
	err := ask(contract.FindShipment, "Has the carrier accepted?", carrier.FindShipment,
		key(s, contract.StepShipOrder, firstRevision), &found)
	if err != nil || found.Status != shipping.Accepted || mustUndo {
		return false, err
	}
	*shipment = found
	var paid payment.Payment
	err = ask(contract.FindPayment, "Is the money still here?", payments.FindPayment,
		key(s, contract.StepChargePayment, firstRevision), &paid)
	if err != nil || paid.Status != payment.Captured {
		return false, err
	}
	err = ask(contract.StepCommitInventory, "Is the stock still held?", stock.CommitInventory,
		commitInventory(s, firstRevision), nil)
	if err != nil && !mayPass(err) {
		return false, nil
	}
	return err == nil, err
}

// lastTried is the highest revision of a step that may have happened. A
// recovery does not know it. Where a fix was waited for, a lost task may have
// had one, and no more: each comes in a task of its own.
func (s *saga) lastTried(step string) int {
	_, can := fixable[step]
	switch {
	case can && s.in.Recovery != nil:
		return mostRevisions
	case s.turnedBack != nil && s.unfixed == step:
		return s.revision(step) + 1
	default:
		return s.revision(step)
	}
}

// settledBefore returns what an operator has said about the compensation of a
// step in a run before this one; nil for nothing.
func (s *saga) settledBefore(step string) *contract.Settlement {
	if s.in.Recovery == nil {
		return nil
	}
	for i := range s.in.Recovery.Settled {
		if word := &s.in.Recovery.Settled[i]; means(word.Step, step) {
			return word
		}
	}
	return nil
}

// orphan says that there are effects for an order that was never accepted, as
// far as anybody knows: there is no record to be cancelled and nobody to be
// told.
func (s *saga) orphan() bool { return s.in.Recovery != nil && len(s.in.Items) == 0 }

// refusal is an error that is nobody's fault: not retried, not logged as one.
func refusal(kind, text string) error {
	return temporal.NewApplicationErrorWithOptions(text, kind, temporal.ApplicationErrorOptions{
		NonRetryable: true, Category: temporal.ApplicationErrorCategoryBenign,
	})
}
