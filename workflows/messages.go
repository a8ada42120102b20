package workflows

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"orderflow/workflows/contract"
)

// listen installs the handlers. It runs before the first step, so that no
// message can arrive earlier than its handler.
func (s *saga) listen(ctx workflow.Context) error {
	if err := workflow.SetQueryHandler(ctx, contract.QueryProgress, s.report); err != nil {
		return fmt.Errorf("answering %s: %w", contract.QueryProgress, err)
	}
	if err := workflow.SetUpdateHandler(ctx, contract.UpdateAwaitOutcome, s.awaitOutcome); err != nil {
		return fmt.Errorf("answering %s: %w", contract.UpdateAwaitOutcome, err)
	}
	err := workflow.SetUpdateHandlerWithOptions(ctx, contract.UpdateCancel, s.cancel,
		workflow.UpdateHandlerOptions{Validator: s.mayCancel})
	if err != nil {
		return fmt.Errorf("answering %s: %w", contract.UpdateCancel, err)
	}
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
	case strings.TrimSpace(request.Reason) == "" || utf8.RuneCountInString(request.Reason) > longestReason:
		return temporal.NewNonRetryableApplicationError("a reason of 1 to 500 characters is required", contract.ErrorInvalidInput, nil)
	case s.noReturn:
		return temporal.NewApplicationErrorWithOptions("the carrier has accepted the order", contract.ErrorTooLate,
			temporal.ApplicationErrorOptions{NonRetryable: true, Category: temporal.ApplicationErrorCategoryBenign})
	case s.cancellation != nil, s.progress.State != contract.SagaRunning:
		return temporal.NewApplicationErrorWithOptions("the order is being undone", contract.ErrorAlreadyCancelled,
			temporal.ApplicationErrorOptions{NonRetryable: true, Category: temporal.ApplicationErrorCategoryBenign})
	default:
		return nil
	}
}

// cancel stops the step under way, if any; the deferred compensations do the
// rest. A step that the cancellation caught in the middle may have happened,
// which its compensation covers.
func (s *saga) cancel(_ workflow.Context, request contract.CancelRequest) (contract.Progress, error) {
	s.cancellation = &request
	s.cancelForward()
	return s.progress.snapshot(), nil
}
