package rpc

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/resilience"
)

// callAtOnce makes n calls, each of which its caller gives so long.
func callAtOnce(t *testing.T, c *Client, n int, allowed time.Duration) (answered int) {
	t.Helper()
	var calls sync.WaitGroup
	var mu sync.Mutex
	for range n {
		calls.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), allowed)
			defer cancel()
			if get(ctx, c) == nil {
				mu.Lock()
				defer mu.Unlock()
				answered++
			}
		})
	}
	calls.Wait()
	return answered
}

func TestTimeLostInTheQueueDoesNotCountAgainstATargetThatDoesWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(map[string]behaviour{"a:1": answeringAfter(100*time.Millisecond, 200)})
		c := newFleetClient(t, Config{
			Timeout:  2 * time.Second,
			Bulkhead: resilience.BulkheadConfig{MaxConcurrent: 2, MaxQueue: 50},
			Breaker:  resilience.BreakerConfig{FailureThreshold: 1},
		}, f)
		answered := callAtOnce(t, c, 40, time.Second+50*time.Millisecond)
		assert.Equal(t, 20, answered)
		assert.Equal(t, resilience.Closed, c.guard.Breaker().State())
		assert.GreaterOrEqual(t, c.guard.Breaker().Counts().Ignored, uint32(2), "they had 50 ms left")
		assert.Zero(t, instanceOf(t, c, "a:1").ConsecutiveFailures)
	})
}

func TestHangingTargetOpensTheBreakerAlsoWhenItsCallersGiveUpFirst(t *testing.T) {
	for name, test := range map[string]struct {
		cfg     Config
		allowed time.Duration
		want    resilience.State
	}{
		"a fast attempt of a step":     {Config{}, 1500 * time.Millisecond, resilience.Open},
		"a part of an order's view":    {Config{Timeout: 2 * time.Second}, time.Second, resilience.Open},
		"half of a short timeout":      {Config{Timeout: 200 * time.Millisecond}, 100 * time.Millisecond, resilience.Open},
		"no fair time":                 {Config{}, 500 * time.Millisecond, resilience.Closed},
		"less than half of a timeout":  {Config{Timeout: 200 * time.Millisecond}, 99 * time.Millisecond, resilience.Closed},
		"more than a slow call's time": {Config{Breaker: resilience.BreakerConfig{SlowCall: 300 * time.Millisecond}}, 400 * time.Millisecond, resilience.Open},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(map[string]behaviour{"a:1": hanging, "b:1": hanging})
				c := newFleetClient(t, test.cfg, f)
				began := time.Now()
				// The failures of the one speak for both when the other has failed too.
				require.Zero(t, callAtOnce(t, c, 10, test.allowed))
				assert.Equal(t, test.want, c.guard.Breaker().State())
				assert.Equal(t, test.allowed, time.Since(began))
			})
		})
	}
}
