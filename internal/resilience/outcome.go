package resilience

import (
	"context"
	"errors"
)

// Outcome is what a call's result means for the health of its target.
type Outcome int

const (
	// Failure counts against the target: it did not do its work.
	Failure Outcome = iota
	// Success counts for the target. A refusal by its business rules is a
	// success: the target answered.
	Success
	// Ignored counts as nothing: the result says nothing about the target.
	Ignored
	// PartialFailure counts against one instance of the target, while another
	// works. It does not open the target's breaker.
	PartialFailure
)

// Classifier says what a call's error means for its target. It is not asked
// about nil, which is a success, nor about the caller's own cancellation, which
// is ignored.
type Classifier func(err error) Outcome

// AnyErrorFails is the classifier for targets without business answers.
func AnyErrorFails(error) Outcome { return Failure }

// classify is the whole rule: cancellation first, then the classifier.
func classify(ctx context.Context, err error, classifier Classifier) Outcome {
	switch {
	case err == nil:
		return Success
	case cancelledByCaller(ctx, err):
		return Ignored
	default:
		return classifier(err)
	}
}

// cancelledByCaller reports whether the call ended because its caller lost
// interest. An expired deadline is no such case: the target may have been too
// slow. Who knows how much time it had says so by Run.
func cancelledByCaller(ctx context.Context, err error) bool {
	if !errors.Is(ctx.Err(), context.Canceled) {
		return false
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, context.Cause(ctx))
}
