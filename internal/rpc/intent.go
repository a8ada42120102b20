package rpc

import (
	"context"

	"orderflow/internal/resilience"
)

// Purpose is what a call is for. Each purpose has a pool of its own in the
// bulkhead of each target, and a retry budget of its own.
type Purpose = resilience.Purpose

// The purposes. A call is forward unless its context says otherwise.
const (
	Forward      = resilience.Forward
	Compensation = resilience.Compensation
)

type intentKey struct{}

// intent is what the context says of the calls made with it.
func intent(ctx context.Context) resilience.Call {
	call, _ := ctx.Value(intentKey{}).(resilience.Call)
	return call
}

// WithPurpose says what the calls made with the context are for.
func WithPurpose(ctx context.Context, purpose Purpose) context.Context {
	call := intent(ctx)
	call.Purpose = purpose
	return context.WithValue(ctx, intentKey{}, call)
}

// WithAttempt says for how many times, with this one, the same call is made: 1
// is the first. A later attempt is a retry, and takes from the target's retry
// budget. Without it a call is a first attempt.
func WithAttempt(ctx context.Context, n int) context.Context {
	call := intent(ctx)
	call.Retry = n > 1
	return context.WithValue(ctx, intentKey{}, call)
}

// PurposeOf is what the calls made with the context are for.
func PurposeOf(ctx context.Context) Purpose { return intent(ctx).Purpose }
