package ratelimit

import (
	"context"
	"fmt"
	"time"

	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/memstore"
)

// maxKeys bounds the memory: the least recently seen principals are forgotten,
// which gives them their full burst back.
const maxKeys = 100_000

// local counts in this process.
type local struct {
	quota *throttled.GCRARateLimiterCtx
}

func newLocal(budget Budget, now func() time.Time) (*local, error) {
	store, err := memstore.New(maxKeys)
	if err != nil {
		return nil, fmt.Errorf("making the rate limiter's store: %w", err)
	}
	if now != nil {
		store.SetTimeNow(now)
	}
	quota, err := throttled.NewGCRARateLimiterCtx(throttled.WrapStoreWithContext(store), throttled.RateQuota{
		MaxRate: throttled.PerSec(budget.Rate),
		// The first request is not part of the library's burst.
		MaxBurst: budget.Burst - 1,
	})
	if err != nil {
		return nil, fmt.Errorf("making the rate limiter: %w", err)
	}
	// The store compares and swaps: each failed attempt means that an equal
	// request came through, so that this bounds requests at once and not time.
	quota.SetMaxCASAttemptsLimit(10_000)
	return &local{quota: quota}, nil
}

func (l *local) take(ctx context.Context, key string) (decision, error) {
	limited, result, err := l.quota.RateLimitCtx(ctx, key, 1)
	if err != nil {
		return decision{}, err
	}
	return decision{
		allowed: !limited, retryAfter: result.RetryAfter, remaining: result.Remaining, full: result.ResetAfter,
	}, nil
}
