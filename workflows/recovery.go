package workflows

import (
	"go.temporal.io/sdk/temporal"

	"orderflow/services/shipping"
	"orderflow/workflows/contract"
)

// recover stands in for the steps in the second run of an order whose workflow
// ended without doing its work. What the lost run has done is known to the
// services alone. So every step is taken as tried, and only the carrier is
// asked: an order that it has accepted is finished, unless it has ended
// otherwise, and any other is undone. A late effect of the lost run meets the
// compensation's tombstone.
func (s *saga) recover(step string, answer any) error {
	at := s.progress.step(step)
	if step != contract.StepShipOrder {
		at.State = contract.StepDone
		return nil
	}
	at.State = contract.StepRunning
	s.progress.publish(s.forward)
	policy := durablePolicy{summary: "Recover: has the carrier accepted?"} // without an answer, nothing can be decided
	found := answer.(*shipping.Shipment)
	err := s.patiently(s.forward, contract.FindShipment, func() error {
		return s.callDurably(s.forward, contract.FindShipment, carrier.FindShipment, policy, key(s, contract.StepShipOrder, firstRevision), found)
	})
	switch {
	case s.forward.Err() != nil:
		err = s.stopped(step)
	case err == nil && found.Status == shipping.Accepted && !s.in.Recovery.Undo:
		at.State = contract.StepDone
		return nil
	case err == nil:
		err = refusal(contract.ErrorRecovered, s.in.Recovery.Reason)
	}
	s.progress.fail(step, explain(err))
	s.progress.publish(s.forward)
	return err
}

// lastTried is the highest revision of a step that may have happened. A
// recovery does not know it.
func (s *saga) lastTried(step string) int {
	if _, can := fixable[step]; can && s.in.Recovery != nil {
		return mostRevisions
	}
	return s.revision(step)
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
