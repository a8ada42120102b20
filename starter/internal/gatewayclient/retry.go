package gatewayclient

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"orderflow/internal/problem"
)

// Backoff says how long to wait between attempts: from Base, doubled each
// time, up to Cap, each wait spread by half around its value. The zero value
// means 100 ms and 5 s.
type Backoff struct {
	Base, Cap time.Duration
}

func (b Backoff) intervals() *backoff.ExponentialBackOff {
	if b.Base == 0 {
		b.Base = 100 * time.Millisecond
	}
	if b.Cap == 0 {
		b.Cap = 5 * time.Second
	}
	return &backoff.ExponentialBackOff{
		InitialInterval:     b.Base,
		MaxInterval:         max(b.Base, b.Cap),
		Multiplier:          2,
		RandomizationFactor: backoff.DefaultRandomizationFactor,
	}
}

// Retry calls attempt until it succeeds, fails for good or the context ends.
// It waits between attempts as b says, and for what the gateway asked for with
// Retry-After before that. When the next attempt would be after the
// context's deadline it returns the last error at once: waiting could not
// change it. A context that was cancelled gives its own error.
func Retry(ctx context.Context, b Backoff, attempt func(context.Context) error) error {
	intervals := b.intervals()
	var last error
	for {
		err := attempt(ctx)
		if last != nil && !Temporary(err) && errors.Is(err, context.DeadlineExceeded) {
			// What went wrong before says more than that the time is up.
			return last
		}
		if err == nil || !Temporary(err) {
			return err
		}
		last = err
		wait := intervals.NextBackOff()
		var refused *problem.Error
		if errors.As(err, &refused) {
			// On top of it, so that many who were told the same time do not
			// come back at the same moment.
			wait += refused.RetryAfter
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < wait {
			return err
		}
		switch sleepErr := Sleep(ctx, wait); {
		case errors.Is(sleepErr, context.DeadlineExceeded):
			return err
		case sleepErr != nil:
			return sleepErr
		}
	}
}

// Sleep waits for d, or returns the error of a context that ends before.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
