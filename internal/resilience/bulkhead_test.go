package resilience

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newTestBulkhead(concurrent, queue int) *Bulkhead {
	return NewBulkhead("payment", BulkheadConfig{MaxConcurrent: concurrent, MaxQueue: queue})
}

func acquire(t *testing.T, b *Bulkhead) (release func()) {
	t.Helper()
	release, err := b.Acquire(t.Context())
	require.NoError(t, err)
	return release
}

func TestFullBulkheadRefusesAtOnce(t *testing.T) {
	b := newTestBulkhead(2, 0)
	first := acquire(t, b)
	acquire(t, b)

	_, err := b.Acquire(t.Context())
	require.ErrorIs(t, err, ErrBulkheadFull)
	var full *BulkheadFullError
	require.ErrorAs(t, err, &full)
	assert.Equal(t, "payment", full.Target)
	assert.Equal(t, BulkheadStats{Current: 2, MaxConcurrent: 2, Admitted: 2, Rejected: 1}, b.Stats())

	first()
	acquire(t, b)
}

func TestBulkheadServesTheQueueInOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBulkhead(1, 3)
		release := acquire(t, b)
		var order []int
		var calls sync.WaitGroup
		for i := range 3 {
			calls.Go(func() {
				release, err := b.Acquire(t.Context())
				if assert.NoError(t, err) {
					order = append(order, i)
					release()
				}
			})
			synctest.Wait()
		}
		_, err := b.Acquire(t.Context())
		require.ErrorIs(t, err, ErrBulkheadFull)

		advance(2 * time.Second)
		release()
		calls.Wait()
		assert.Equal(t, []int{0, 1, 2}, order)
		assert.Equal(t, BulkheadStats{
			MaxConcurrent: 1, MaxQueue: 3,
			Admitted: 4, Rejected: 1, Waited: 3, Wait: Seconds(6 * time.Second),
		}, b.Stats())
	})
}

func TestNewcomerDoesNotOvertakeTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBulkhead(1, 1)
		release := acquire(t, b)
		served := make(chan func(), 1)
		go func() { served <- acquire(t, b) }()
		synctest.Wait()

		release()
		_, err := b.Acquire(expired(t))
		require.Error(t, err)
		assert.Equal(t, 1, b.Stats().Current, "the permit went to the one who waited")
		(<-served)()
		assert.Zero(t, b.Stats().Current)
	})
}

// expired returns a context that lives only for the shortest moment.
func expired(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	t.Cleanup(cancel)
	return ctx
}

func TestWaitingRespectsTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBulkhead(1, 1)
		release := acquire(t, b)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()

		_, err := b.Acquire(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, uint64(1), b.Stats().Abandoned)
		assert.Zero(t, b.Stats().Queued, "its place is free again")

		release()
		_, err = b.Acquire(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded, "an ended context gets no permit")
		assert.Zero(t, b.Stats().Current)
	})
}

func TestPermitGrantedInTheMomentOfCancelIsNotLost(t *testing.T) {
	// Both ends of the race are ready before the waiting goroutine looks, so
	// that over the rounds it takes either.
	var abandoned uint64
	for round := range 2_000 {
		b := newTestBulkhead(1, 2)
		release := acquire(t, b)
		ctx, cancel := context.WithCancel(t.Context())
		var calls sync.WaitGroup
		for range 2 {
			calls.Go(func() {
				if release, err := b.Acquire(ctx); err == nil {
					release()
				}
			})
		}
		require.Eventually(t, func() bool { return b.Stats().Queued == 2 }, time.Minute, time.Microsecond)
		if round%2 == 0 {
			cancel()
			release()
		} else {
			release()
			cancel()
		}
		calls.Wait()

		stats := b.Stats()
		require.Zero(t, stats.Current, "a permit was lost")
		require.Zero(t, stats.Queued)
		abandoned += stats.Abandoned
	}
	assert.Positive(t, abandoned)
}

func TestReleasingTwiceIsAProgrammingError(t *testing.T) {
	b := newTestBulkhead(1, 0)
	release := acquire(t, b)
	release()
	assert.Panics(t, release)
}

func TestTenThousandGoroutinesLeaveNoPermitInUse(t *testing.T) {
	b := newTestBulkhead(10, 9_000)
	var calls sync.WaitGroup
	var inside, admitted, refused, cancelled atomic.Int64
	for i := range 10_000 {
		calls.Go(func() {
			defer func() { _ = recover() }()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if i%3 == 0 {
				go cancel()
			}
			release, err := b.Acquire(ctx)
			switch {
			case err == nil:
				defer release()
				admitted.Add(1)
				assert.LessOrEqual(t, inside.Add(1), int64(10))
				defer inside.Add(-1)
				if i%5 == 0 {
					panic("broken")
				}
			case ctx.Err() != nil:
				cancelled.Add(1)
			default:
				refused.Add(1)
			}
		})
	}
	calls.Wait()

	stats := b.Stats()
	assert.Zero(t, stats.Current)
	assert.Zero(t, stats.Queued)
	assert.Equal(t, uint64(admitted.Load()), stats.Admitted)
	assert.Equal(t, int64(10_000), admitted.Load()+refused.Load()+cancelled.Load())
}
