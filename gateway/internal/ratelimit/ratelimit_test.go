package ratelimit_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/gateway/internal/ratelimit"
	"orderflow/internal/problem"
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

func TestABurstIsAllowedAndThenTheRate(t *testing.T) {
	clock := newClock()
	limiter, err := ratelimit.New(ratelimit.Config{Rate: 100, Burst: 200}, clock.now)
	require.NoError(t, err)
	allowed := func() (n int) {
		for limiter.Allow(t.Context(), "ada") == nil {
			n++
		}
		return n
	}
	assert.Equal(t, 200, allowed())
	clock.advance(time.Second)
	assert.Equal(t, 100, allowed())
	clock.advance(time.Hour)
	assert.Equal(t, 200, allowed())
	assert.NoError(t, limiter.Allow(t.Context(), "bob"), "others have limits of their own")
}

func TestARefusalSaysWhenToComeBack(t *testing.T) {
	clock := newClock()
	limiter, err := ratelimit.New(ratelimit.Config{Rate: 2, Burst: 1}, clock.now)
	require.NoError(t, err)
	require.NoError(t, limiter.Allow(t.Context(), "ada"))

	var refusal *problem.Error
	require.ErrorAs(t, limiter.Allow(t.Context(), "ada"), &refusal)
	assert.Equal(t, problem.RateLimited, refusal.Code)
	assert.Equal(t, 500*time.Millisecond, refusal.RetryAfter)

	clock.advance(refusal.RetryAfter)
	assert.NoError(t, limiter.Allow(t.Context(), "ada"))
}

func TestRequestsAtOnceAreCountedExactly(t *testing.T) {
	clock := newClock()
	limiter, err := ratelimit.New(ratelimit.Config{Rate: 1, Burst: 100}, clock.now)
	require.NoError(t, err)
	var allowed, refused atomic.Int64
	var requests sync.WaitGroup
	for range 50 {
		requests.Go(func() {
			for range 10 {
				switch err := limiter.Allow(t.Context(), "ada"); problem.CodeOf(err) {
				case "":
					allowed.Add(1)
				case problem.RateLimited:
					refused.Add(1)
				default:
					assert.NoError(t, err)
				}
			}
		})
	}
	requests.Wait()
	assert.EqualValues(t, 100, allowed.Load())
	assert.EqualValues(t, 400, refused.Load())
}

func TestALimitOfNothingIsRefused(t *testing.T) {
	for _, cfg := range []ratelimit.Config{{}, {Rate: 1}, {Burst: 1}, {Rate: -1, Burst: 1}} {
		_, err := ratelimit.New(cfg, nil)
		require.Error(t, err)
	}
}
