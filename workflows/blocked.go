package workflows

import (
	"go.temporal.io/sdk/workflow"

	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// blocked is a step or a compensation that failed for good, or for as long as
// a step may take. It is tried again after pauses that grow, and whenever an
// operator says so; an operator may also take it off.
type blocked struct {
	step string
	// skippable: the end of the order does not depend on it.
	skippable bool
	// due: an operator wants it tried now.
	due bool
	// settledAs says that an operator has ended it, and how; "" before.
	settledAs  contract.StepState
	resolution string
	// stop ends the attempt that is under way.
	stop workflow.CancelFunc
}

// block calls for an operator.
func (s *saga) block(step string, skippable bool) *blocked {
	b := &blocked{step: step, skippable: skippable, stop: func() {}}
	s.blocked[step] = b
	first := s.progress.State != contract.SagaBlocked
	s.progress.State = contract.SagaBlocked
	s.progress.publish(s.backward)
	if first {
		s.flag(true)
	}
	return b
}

// unblock takes a step off; the last one frees the saga.
func (s *saga) unblock(b *blocked) {
	delete(s.blocked, b.step)
	if len(s.blocked) == 0 {
		s.progress.State = contract.SagaCompensating
		if s.noReturn {
			s.progress.State = contract.SagaRunning
		}
		s.flag(false)
	}
	s.progress.publish(s.backward)
}

// park keeps a failed compensation for later. It is tried again beside the
// other compensations, which do not wait for it.
func (s *saga) park(step string, failure error, undo func(workflow.Context) error) {
	s.progress.blockUndo(step, explain(failure))
	b := s.block(step, true)
	again := func(ctx workflow.Context) error {
		return s.patiently(ctx, compensationOf[step], func() error { return undo(ctx) })
	}
	workflow.Go(s.backward, func(ctx workflow.Context) {
		s.persist(ctx, b, "Undo again: "+step, again, func(failure error) { s.progress.blockUndo(step, explain(failure)) })
	})
}

// persist tries again what is blocked, until it succeeds or an operator ends
// it.
func (s *saga) persist(ctx workflow.Context, b *blocked, summary string, try func(workflow.Context) error, failed func(error)) {
	for wait := parkedFirst; b.settledAs == ""; wait = min(2*wait, parkedLongest) {
		pause(ctx, wait, summary, func() bool { return b.due || b.settledAs != "" })
		if b.settledAs != "" {
			break
		}
		b.due = false
		var attempt workflow.Context
		attempt, b.stop = workflow.WithCancel(ctx)
		failure := try(attempt)
		if failure == nil {
			// Done after all, whatever an operator has said meanwhile.
			b.settledAs, b.resolution = contract.StepDone, ""
			break
		}
		if b.settledAs == "" {
			failed(failure)
			s.progress.publish(s.backward)
		}
	}
	if b.skippable {
		s.progress.resolveUndo(b.step, b.settledAs, b.resolution)
	}
	s.unblock(b)
}

// awaitOthersUndone returns when every compensation has ended, by itself or by
// an operator. Last is the one that waits for them.
func (s *saga) awaitOthersUndone(last string) {
	undone := func() bool { return len(s.blocked) == 0 && s.postponed == 0 }
	if !undone() {
		s.progress.waiting[last] = forTheOthers
	}
	s.progress.publish(s.backward)
	_ = workflow.Await(s.backward, undone)
	delete(s.progress.waiting, last)
	s.progress.publish(s.backward)
}

// blockedStep finds what an operator means: a step, or what undoes it.
func (s *saga) blockedStep(name string) *blocked {
	for _, step := range contract.Steps() {
		if b := s.blocked[step]; b != nil && b.settledAs == "" && b.means(name) {
			return b
		}
	}
	return nil
}

func (b *blocked) means(name string) bool { return means(name, b.step) }

// means reports whether an operator's word for a step is this one: the step,
// what undoes it, or another step that is undone with it.
func means(name, step string) bool {
	undo := compensationOf[step]
	return step == name || undo != "" && (undo == name || undo == compensationOf[name])
}

func (s *saga) mayRetry(request contract.OperatorRequest) error {
	if s.blockedStep(request.Step) == nil {
		return refusal(contract.ErrorNotBlocked, "the step is not blocked")
	}
	return checkRequest(request.RequestedBy, request.Reason)
}

func (s *saga) maySettle(request contract.OperatorRequest) error {
	if err := s.mayRetry(request); err != nil {
		return err
	}
	if !s.blockedStep(request.Step).skippable {
		return refusal(contract.ErrorNotSkippable, "the order cannot end without this step: remove the cause and retry it")
	}
	return nil
}

func (s *saga) retry(ctx workflow.Context, request contract.OperatorRequest) (contract.Progress, error) {
	b := s.blockedStep(request.Step)
	b.due = true
	s.record(ctx, order.InterventionRetry, b.step, request.RequestedBy, request.Reason)
	return s.progress.snapshot(), nil
}

// skip gives a compensation up: its effect stays, and the outcome says so.
func (s *saga) skip(ctx workflow.Context, request contract.OperatorRequest) (contract.Progress, error) {
	b := s.blockedStep(request.Step)
	s.end(b, contract.Settlement{Update: contract.UpdateSkip, OperatorRequest: request})
	s.record(ctx, order.InterventionSkip, b.step, request.RequestedBy, request.Reason)
	return s.progress.snapshot(), nil
}

// resolve takes a compensation for done, because somebody did it by hand.
func (s *saga) resolve(ctx workflow.Context, request contract.OperatorRequest) (contract.Progress, error) {
	b := s.blockedStep(request.Step)
	s.end(b, contract.Settlement{Update: contract.UpdateResolve, OperatorRequest: request})
	s.record(ctx, order.InterventionResolve, b.step, request.RequestedBy, request.Reason)
	return s.progress.snapshot(), nil
}

func (s *saga) end(b *blocked, word contract.Settlement) {
	b.settledAs, b.resolution = outcomeOf(word)
	b.stop()
	s.progress.resolveUndo(b.step, b.settledAs, b.resolution)
}

// outcomeOf is what becomes of a compensation by an operator's word.
func outcomeOf(word contract.Settlement) (as contract.StepState, resolution string) {
	as, done := contract.StepSkipped, "skipped"
	if word.Update == contract.UpdateResolve {
		as, done = contract.StepDone, "resolved"
	}
	return as, done + " by " + word.RequestedBy + ": " + plain(word.Reason)
}
