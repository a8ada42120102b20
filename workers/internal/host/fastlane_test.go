package host

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/semaphore"

	"orderflow/internal/resilience"
)

const (
	healthyCall = 5 * time.Millisecond
	fastTime    = 1500 * time.Millisecond // of one fast attempt
)

// hang is a service that never answers.
const hang = time.Hour

// attempt is one fast attempt at a service whose calls take so long. It reports
// whether the call was made and answered in time.
func (l *fastLane) attempt(ctx context.Context, call time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, fastTime)
	defer cancel()
	leave, err := l.enter(ctx)
	if err != nil {
		return false
	}
	defer leave()
	select {
	case <-time.After(call):
		return true
	case <-ctx.Done():
		return false
	}
}

// play sends orders, so many in a second for ten seconds, through the fast
// steps of a worker with so many slots: first inventory, which is healthy, then
// payment. It returns how long the slowest order took until its reservation,
// and how many slots were taken at most.
func play(t *testing.T, perSecond int, payment time.Duration) (slowest time.Duration, most int64) {
	t.Helper()
	const slots = 130
	lanes := [2]*fastLane{newFastLane("inventory", 5, slots), newFastLane("payment", 10, slots)}
	free := semaphore.NewWeighted(slots)
	var taken, highest, longest atomic.Int64
	raise := func(to *atomic.Int64, value int64) {
		for before := to.Load(); value > before && !to.CompareAndSwap(before, value); before = to.Load() {
		}
	}
	var orders sync.WaitGroup
	for range 10 * perSecond {
		orders.Go(func() {
			placed := time.Now()
			if !assertNoError(t, free.Acquire(t.Context(), 1)) {
				return
			}
			defer free.Release(1)
			raise(&highest, taken.Add(1))
			defer taken.Add(-1)
			if !lanes[0].attempt(t.Context(), healthyCall) {
				t.Error("inventory is healthy, and yet a step left the fast way")
			}
			raise(&longest, int64(time.Since(placed)))
			lanes[1].attempt(t.Context(), payment)
		})
		<-time.After(time.Second / time.Duration(perSecond))
	}
	orders.Wait()
	for _, lane := range lanes {
		require.Zero(t, lane.turns.Stats().Current, "every turn came back")
	}
	return time.Duration(longest.Load()), highest.Load()
}

func assertNoError(t *testing.T, err error) bool {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
	return err == nil
}

// A service that hangs, or is slow without failing, holds few of the slots that
// all services share: the other services' steps go on as if nothing were.
func TestASickServiceDoesNotHoldTheOthersFastSteps(t *testing.T) {
	for name, payment := range map[string]time.Duration{
		"healthy": healthyCall, "slow": 400 * time.Millisecond, "slower": 1200 * time.Millisecond, "hangs": hang,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				slowest, most := play(t, 200, payment)
				t.Logf("slowest reservation %v, at most %d slots", slowest, most)
				require.LessOrEqual(t, slowest, 2*healthyCall)
				require.LessOrEqual(t, most, int64(90))
			})
		})
	}
}

func TestABurstAtAHealthyServiceStaysOnTheFastWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const slots = 130
		lane := newFastLane("inventory", 5, slots)
		require.True(t, lane.attempt(t.Context(), healthyCall))
		<-time.After(time.Hour) // nothing has moved for long, and that means nothing
		var burst sync.WaitGroup
		for range slots {
			burst.Go(func() {
				if !lane.attempt(t.Context(), healthyCall) {
					t.Error("left the fast way")
				}
			})
		}
		burst.Wait()
	})
}

func TestWhileNothingMovesNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lane := newFastLane("payment", 2, 100)
		var leaves []func()
		for range 2 {
			leave, err := lane.enter(t.Context())
			require.NoError(t, err)
			leaves = append(leaves, leave)
		}
		<-time.After(2*longestWait + time.Millisecond)
		before := time.Now()
		_, err := lane.enter(t.Context())
		var full *resilience.BulkheadFullError
		require.ErrorAs(t, err, &full)
		require.Equal(t, "payment", full.Target)
		require.Zero(t, time.Since(before))

		leaves[0]()
		leave, err := lane.enter(t.Context())
		require.NoError(t, err)
		leave()
		leaves[1]()
	})
}

func TestNobodyWaitsLongerThanTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lane := newFastLane("payment", 1, 100)
		leave, err := lane.enter(t.Context())
		require.NoError(t, err)
		defer leave()
		before := time.Now()
		_, err = lane.enter(t.Context())
		require.ErrorIs(t, err, resilience.ErrBulkheadFull)
		require.Equal(t, longestWait, time.Since(before))

		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		lane.begin()
		_, err = lane.enter(cancelled)
		require.ErrorIs(t, err, context.Canceled)
	})
}
