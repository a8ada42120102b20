package ratelimit

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/gateway/internal/auth"
	"orderflow/internal/problem"
	"orderflow/internal/token"
)

// clock stands still until it is moved.
type clock struct{ nanoseconds atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.nanoseconds.Store(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.nanoseconds.Load()) }
func (c *clock) advance(d time.Duration) { c.nanoseconds.Add(int64(d)) }

func as(t *testing.T, subject string) context.Context {
	t.Helper()
	return auth.WithPrincipal(t.Context(), token.Principal{Subject: subject})
}

func TestABurstIsAllowedAndThenTheRate(t *testing.T) {
	clock := newClock()
	limiter, err := New(Config{Rate: 100, Burst: 200}, clock.now)
	require.NoError(t, err)
	allowed := func() (n int) {
		for limiter.AllowPrincipal(as(t, "ada")) == nil {
			n++
		}
		return n
	}
	assert.Equal(t, 200, allowed())
	clock.advance(time.Second)
	assert.Equal(t, 100, allowed())
	clock.advance(time.Hour)
	assert.Equal(t, 200, allowed())
	assert.NoError(t, limiter.AllowPrincipal(as(t, "bob")), "others have limits of their own")
}

func TestARefusalSaysWhenToComeBack(t *testing.T) {
	clock := newClock()
	limiter, err := New(Config{Rate: 2, Burst: 1}, clock.now)
	require.NoError(t, err)
	require.NoError(t, limiter.AllowPrincipal(as(t, "ada")))

	var refusal *problem.Error
	require.ErrorAs(t, limiter.AllowPrincipal(as(t, "ada")), &refusal)
	assert.Equal(t, problem.RateLimited, refusal.Code)
	assert.Equal(t, 500*time.Millisecond, refusal.RetryAfter)

	clock.advance(refusal.RetryAfter)
	assert.NoError(t, limiter.AllowPrincipal(as(t, "ada")))
}

func TestALimitOfNothingIsRefused(t *testing.T) {
	for _, cfg := range []Config{{}, {Rate: 1}, {Burst: 1}, {Rate: -1, Burst: 1}} {
		_, err := New(cfg, nil)
		require.Error(t, err)
	}
}
