package rpc

import (
	"errors"
	"fmt"
	"time"

	"orderflow/internal/problem"
	"orderflow/internal/resilience"
)

// Reason says why a call got no final answer.
type Reason string

// The reasons. After Unavailable, Timeout and BadAnswer the effect may have
// happened at the target; after the others the target was not called.
const (
	// Unavailable: no connection, or the target answered 5xx, 408 or 429.
	Unavailable Reason = "unavailable"
	// Timeout: no complete answer in time.
	Timeout Reason = "timeout"
	// BadAnswer: an answer that is not of this product's form, for example
	// from a stranger that now listens on the instance's old port.
	BadAnswer Reason = "bad-answer"
	// BreakerOpen: the target has been failing.
	BreakerOpen Reason = "breaker-open"
	// BulkheadFull: too many calls to the target are under way.
	BulkheadFull Reason = "bulkhead-full"
	// NoInstance: no healthy instance is known.
	NoInstance Reason = "no-instance"
	// RetryBudget: the call is a retry, and too many of them have failed of
	// late. It has no RetryAfter: the caller's own backoff, which grows, is what
	// takes the load off.
	RetryBudget Reason = "retry-budget"
)

// Error says that a call got no final answer and may be made again.
type Error struct {
	Target string
	Reason Reason
	// RetryAfter is how long to wait before the next call: what the target
	// asked for, or how long the circuit breaker stays open. 0 is unknown.
	// It is not bounded: cap it.
	RetryAfter time.Duration
	// Status is the HTTP status of the answer, 0 when there was none.
	Status int
	// Code is the code of the problem that the answer carried, or empty.
	Code problem.Code
	// Err is the cause. It holds no *problem.Error: a call that may be made
	// again cannot be mistaken for a final answer.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("calling %s: %s: %v", e.Target, e.Reason, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Retryable reports that the call may be made again. That holds for every
// Error: an answer that is final is a *problem.Error instead.
func (e *Error) Retryable() bool { return true }

// Problem is what a process answers to its own client when it cannot go on
// without this call: 503 with Retry-After.
func (e *Error) Problem() *problem.Error {
	code := problem.Unavailable
	if e.Reason == Timeout {
		code = problem.Timeout
	}
	return problem.Newf(code, "service %s is temporarily unavailable", e.Target).
		WithRetryAfter(max(e.RetryAfter, time.Second)).
		WithCause(e)
}

// outcomeOf is the rule what counts against the breaker. A final answer does
// not: the target works. Neither does a request that could not be built, nor a
// missing instance: nothing was called, and an open breaker would only delay
// the recovery.
func outcomeOf(err error) resilience.Outcome {
	var answer *problem.Error
	if errors.As(err, &answer) {
		return resilience.Success
	}
	var failure *Error
	switch {
	case !errors.As(err, &failure), failure.Reason == NoInstance:
		return resilience.Ignored
	case failure.Code == problem.InFlight:
		// The target works on an equal request and says so.
		return resilience.Success
	default:
		return resilience.Failure
	}
}

// refusalOf gives a guard's refusal the form of this package. Other errors are
// returned as they are.
func refusalOf(target string, err error) error {
	var open *resilience.BreakerOpenError
	switch {
	case errors.As(err, &open):
		return &Error{Target: target, Reason: BreakerOpen, RetryAfter: open.RetryAfter, Err: err}
	case errors.Is(err, resilience.ErrBulkheadFull):
		return &Error{Target: target, Reason: BulkheadFull, Err: err}
	case errors.Is(err, resilience.ErrRetryBudget):
		return &Error{Target: target, Reason: RetryBudget, Err: err}
	default:
		return err
	}
}
