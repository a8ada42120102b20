package resilience

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newTestGuard(concurrent, queue int) *Guard {
	return NewGuard("payment", Config{Bulkhead: BulkheadConfig{MaxConcurrent: concurrent, MaxQueue: queue}}, byError, nil)
}

func TestGuardRunsTheCallInsideBoth(t *testing.T) {
	g := newTestGuard(2, 0)
	err := g.Do(t.Context(), func(context.Context) error {
		assert.Equal(t, 1, g.Bulkhead().Stats().Current)
		assert.Equal(t, uint32(1), g.Breaker().Counts().Requests)
		return errRefusal
	})
	assert.Equal(t, errRefusal, err, "the error comes back unchanged")
	assert.Zero(t, g.Bulkhead().Stats().Current)
}

func TestFullBulkheadDoesNotCountAgainstTheBreaker(t *testing.T) {
	g := newTestGuard(1, 0)
	release, err := g.Bulkhead().Acquire(t.Context())
	require.NoError(t, err)
	defer release()

	require.ErrorIs(t, g.Do(t.Context(), returning(nil)), ErrBulkheadFull)
	assert.Zero(t, g.Breaker().Counts().Requests)
}

func TestOpenBreakerGivesThePermitBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGuard(1, 0)
		callTimes(t, g.Breaker(), 5, errSick)
		for range 3 {
			require.ErrorIs(t, g.Do(t.Context(), returning(nil)), ErrBreakerOpen)
		}
		advance(10 * time.Second)
		assert.Equal(t, Snapshot{
			Target:  "payment",
			Breaker: BreakerStats{State: Open, RemainingOpen: Seconds(20 * time.Second), Refused: 3},
			Bulkheads: []BulkheadStats{
				{Purpose: Forward, MaxConcurrent: 1, Admitted: 3},
				{Purpose: Compensation, MaxConcurrent: 2, MaxQueue: 2},
			},
			RetryBudget: RetryBudgetStats{Tokens: 10},

			CompensationBudget: RetryBudgetStats{Tokens: 10},
		}, g.Snapshot())
	})
}

func TestPanicInAGuardedCallLeaksNothing(t *testing.T) {
	g := newTestGuard(1, 0)
	for range 3 {
		require.Panics(t, func() {
			_ = g.Do(t.Context(), func(context.Context) error { panic("broken") })
		})
	}
	assert.Zero(t, g.Bulkhead().Stats().Current)
	assert.Equal(t, uint32(3), g.Breaker().Counts().ConsecutiveFailures)
}

func TestTenThousandGoroutinesThroughAGuardLeaveNothingInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGuard(10, 100)
		results := []error{nil, errSick, errRefusal, errSilent, errPart}
		var calls sync.WaitGroup
		for i := range 10_000 {
			calls.Go(func() {
				defer func() { _ = recover() }()
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%500)*time.Second)
				defer cancel()
				advance(time.Duration(i%1_000) * 50 * time.Millisecond)
				call := Call{Purpose: Purpose(i % purposes), Retry: i%3 == 0}
				_ = g.Run(ctx, call, func(ctx context.Context) (Outcome, error) {
					advance(time.Duration(i%13) * time.Millisecond)
					if i%17 == 0 {
						panic("broken")
					}
					err := results[i%len(results)]
					return g.Judge(ctx, err, 0), err
				})
			})
		}
		calls.Wait()

		for _, stats := range g.Snapshot().Bulkheads {
			assert.Positive(t, stats.Admitted)
			assert.Zero(t, stats.Current)
			assert.Zero(t, stats.Queued)
		}
		advance(30 * time.Second)
		assert.InDelta(t, 10, g.RetryBudget().Stats().Tokens, 1e-9)
		callTimes(t, g.Breaker(), 3, nil)
		assert.Equal(t, Closed, g.Breaker().State())
	})
}

func TestGuardAllocatesNothing(t *testing.T) {
	g := newTestGuard(1, 0)
	ctx, call := t.Context(), returning(nil)
	assert.Zero(t, testing.AllocsPerRun(1_000, func() { _ = g.Do(ctx, call) }))
}

func BenchmarkGuard(b *testing.B) {
	g := newTestGuard(10, 20)
	ctx, call := b.Context(), returning(nil)
	b.ReportAllocs()
	for b.Loop() {
		_ = g.Do(ctx, call)
	}
}

func BenchmarkGuardParallel(b *testing.B) {
	g := newTestGuard(64, 64)
	ctx, call := b.Context(), returning(nil)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_ = g.Do(ctx, call)
		}
	})
}
