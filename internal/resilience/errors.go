package resilience

import (
	"errors"
	"fmt"
	"time"
)

// ErrBreakerOpen matches every *BreakerOpenError by errors.Is.
var ErrBreakerOpen = errors.New("circuit breaker is open")

// ErrBulkheadFull matches every *BulkheadFullError by errors.Is.
var ErrBulkheadFull = errors.New("bulkhead is full")

// ErrRetryBudget matches every *RetryBudgetError by errors.Is.
var ErrRetryBudget = errors.New("retry budget is used up")

// BreakerOpenError says that the call was not made, because the target has
// been failing. Nothing has happened at the target.
type BreakerOpenError struct {
	Target string
	// RetryAfter is how long the breaker stays open. It is 0 when the breaker
	// is half-open and its trial calls are under way: then the caller's own
	// backoff decides.
	RetryAfter time.Duration
}

// Error implements error.
func (e *BreakerOpenError) Error() string {
	if e.RetryAfter <= 0 {
		return fmt.Sprintf("circuit breaker for %s is half-open and its trial calls are under way", e.Target)
	}
	return fmt.Sprintf("circuit breaker for %s is open for another %s", e.Target, e.RetryAfter.Round(time.Millisecond))
}

// Is reports that the error is an ErrBreakerOpen.
func (e *BreakerOpenError) Is(target error) bool { return target == ErrBreakerOpen }

// BulkheadFullError says that the call was not made, because as many calls to
// the target as allowed are under way and waiting. Try again later.
type BulkheadFullError struct {
	Target  string
	Purpose Purpose // whose pool is full
}

// Error implements error.
func (e *BulkheadFullError) Error() string {
	return fmt.Sprintf("%s bulkhead for %s is full", e.Purpose, e.Target)
}

// Is reports that the error is an ErrBulkheadFull.
func (e *BulkheadFullError) Is(target error) bool { return target == ErrBulkheadFull }

// RetryBudgetError says that the call was not made, because it is a retry and
// too many retries of its purpose to the target have failed of late. Try again
// later: the budget grows with the first calls to the target, and with time.
type RetryBudgetError struct {
	Target  string
	Purpose Purpose // whose budget is used up
}

// Error implements error.
func (e *RetryBudgetError) Error() string {
	return fmt.Sprintf("%s retry budget for %s is used up", e.Purpose, e.Target)
}

// Is reports that the error is an ErrRetryBudget.
func (e *RetryBudgetError) Is(target error) bool { return target == ErrRetryBudget }
