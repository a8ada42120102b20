package rpc

import (
	"context"
	"errors"
	"time"

	"orderflow/internal/resilience"
)

// mostFairTime is the longest time that an attempt must have had before it can
// count as failed for want of an answer. Callers that allow a second or more
// notice a target that hangs, unless they lose the time in the bulkhead's queue.
const mostFairTime = 750 * time.Millisecond

// judge says what the result of an attempt means for the target, which has had
// it for so long. An attempt that ended for want of time before it had a fair
// time means nothing. Its caller allowed little, or the bulkhead's queue took
// what it allowed; a target that does well would have failed as well.
func (c *Client) judge(ctx context.Context, err error, took time.Duration) resilience.Outcome {
	if err != nil && took < c.cfg.fairTime() && isTimeout(err) {
		return resilience.Ignored
	}
	return c.guard.Judge(ctx, err, took)
}

func isTimeout(err error) bool {
	var failure *Error
	return errors.As(err, &failure) && failure.Reason == Timeout
}

// fairTime is half of an attempt's own timeout, at most mostFairTime, and no
// more than what makes an answered call a slow one.
func (c Config) fairTime() time.Duration {
	fair := min(c.Timeout/2, mostFairTime)
	if c.Breaker.SlowCall > 0 {
		fair = min(fair, c.Breaker.SlowCall)
	}
	return fair
}
