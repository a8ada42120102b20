package workflows

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.temporal.io/sdk/workflow"

	"orderflow/workflows/contract"
)

// listen installs the handlers. It runs before the first step, so that no
// message can arrive earlier than its handler.
func (s *saga) listen(ctx workflow.Context) error {
	if err := workflow.SetQueryHandler(ctx, contract.QueryProgress, s.report); err != nil {
		return fmt.Errorf("answering %s: %w", contract.QueryProgress, err)
	}
	for _, update := range []struct {
		name            string
		handle, refuses any
	}{
		{contract.UpdateAwaitOutcome, s.awaitOutcome, nil},
		{contract.UpdateCancel, s.cancel, s.mayCancel},
		{contract.UpdateHold, s.hold, s.mayHold},
		{contract.UpdateRelease, s.release, s.mayRelease},
		{contract.UpdateFix, s.fix, s.mayFix},
		{contract.UpdateRetry, s.retry, s.mayRetry},
		{contract.UpdateSkip, s.skip, s.maySettle},
		{contract.UpdateResolve, s.resolve, s.maySettle},
	} {
		err := workflow.SetUpdateHandlerWithOptions(ctx, update.name, update.handle,
			workflow.UpdateHandlerOptions{Validator: update.refuses})
		if err != nil {
			return fmt.Errorf("answering %s: %w", update.name, err)
		}
	}
	workflow.Go(s.backward, s.hearReleases)
	return nil
}

func (s *saga) report() (contract.Progress, error) { return s.progress.snapshot(), nil }

func (s *saga) awaitOutcome(ctx workflow.Context) (contract.Progress, error) {
	// An order that Temporal was told to cancel still has an outcome.
	ctx, _ = workflow.NewDisconnectedContext(ctx)
	if err := workflow.Await(ctx, func() bool { return s.settled }); err != nil {
		return contract.Progress{}, err
	}
	return s.progress.snapshot(), nil
}

// mayCancel refuses a cancellation that would come too late or twice, before
// it leaves a trace in the history.
func (s *saga) mayCancel(request contract.CancelRequest) error {
	switch {
	case s.noReturn:
		return refusal(contract.ErrorTooLate, "the carrier has accepted the order")
	case s.in.Recovery != nil:
		return refusal(contract.ErrorRecovering, "the order is being recovered")
	case s.undecided() && s.cancellation == nil:
		return refusal(contract.ErrorUndecided, "it is being found out whether the order can be undone")
	case s.cancellation != nil, s.cause != nil, s.progress.State != contract.SagaRunning:
		return refusal(contract.ErrorAlreadyCancelled, "the order is being undone")
	default:
		return checkRequest(request.RequestedBy, request.Reason)
	}
}

// cancel stops the step under way, if any; the deferred compensations do the
// rest. A step that the cancellation caught in the middle may have happened,
// which its compensation covers.
//
// It promises that the order is undone. Where that has to be decided first, see
// lost.go, it answers then. Nobody else can ask meanwhile: the server takes ten
// updates of a workflow at once, and operators need theirs.
func (s *saga) cancel(ctx workflow.Context, request contract.CancelRequest) (contract.Progress, error) {
	s.asking = !s.whereabouts.nobodyAhead() && s.fastWayFrom(contract.StepCreateOrder) && s.asksBeforeUndoing(ctx)
	s.cancellation = &request
	s.cancelForward()
	if s.undecided() && !s.awaitDecision(ctx) {
		return contract.Progress{}, refusal(contract.ErrorTooLate, "the carrier has accepted the order")
	}
	return s.progress.snapshot(), nil
}

// checkRequest looks at what every request carries.
func checkRequest(by, reason string) error {
	switch {
	case strings.TrimSpace(reason) == "" || utf8.RuneCountInString(reason) > longestReason:
		return refusal(contract.ErrorInvalidInput, "a reason of 1 to 500 characters is required")
	case strings.TrimSpace(by) == "" || utf8.RuneCountInString(by) > longestSubject || strings.ContainsFunc(by, unicode.IsControl):
		return refusal(contract.ErrorInvalidInput, "requestedBy must say in 1 to 200 characters who asks")
	default:
		return nil
	}
}
