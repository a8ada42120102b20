package fence

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func lockKey(orderID string) Key { return Key{OrderID: orderID, Step: "charge", Revision: 1} }

func TestLocksLetOneHolderOfAKeyInAtATime(t *testing.T) {
	var locks Locks
	holders := map[Key]*int{lockKey("order-1"): new(int), lockKey("order-2"): new(int)}
	var done sync.WaitGroup
	for key, count := range holders {
		for range 50 {
			done.Go(func() {
				release, err := locks.Lock(t.Context(), key)
				if !assert.NoError(t, err) {
					return
				}
				defer release()
				*count++ // the race detector watches too
			})
		}
	}
	done.Wait()
	for _, count := range holders {
		assert.Equal(t, 50, *count)
	}
	assert.Empty(t, locks.held, "no entry outlives its last caller")
}

func TestLocksOfDifferentKeysDoNotWaitForEachOther(t *testing.T) {
	var locks Locks
	releaseFirst, err := locks.Lock(t.Context(), lockKey("order-1"))
	require.NoError(t, err)
	releaseSecond, err := locks.Lock(t.Context(), lockKey("order-2"))
	require.NoError(t, err)
	releaseFirst()
	releaseSecond()
	assert.Empty(t, locks.held)
}

func TestWaitingForALockEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var locks Locks
		release, err := locks.Lock(t.Context(), lockKey("order-1"))
		require.NoError(t, err)

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = locks.Lock(ctx, lockKey("order-1"))
		require.ErrorIs(t, err, context.DeadlineExceeded)

		release()
		again, err := locks.Lock(t.Context(), lockKey("order-1"))
		require.NoError(t, err, "who gave up is not waited for")
		again()
		assert.Empty(t, locks.held)
	})
}

func TestReleasingTwiceDoesNotFreeTheNextHolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var locks Locks
		first, err := locks.Lock(t.Context(), lockKey("order-1"))
		require.NoError(t, err)
		first()
		second, err := locks.Lock(t.Context(), lockKey("order-1"))
		require.NoError(t, err)
		first()

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = locks.Lock(ctx, lockKey("order-1"))
		require.ErrorIs(t, err, context.DeadlineExceeded, "the second still holds it")
		second()
		assert.Empty(t, locks.held)
	})
}

// Callers that come, hold, give up and go in any order neither overlap nor
// leave anything behind.
func TestLocksUnderChangingCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var locks Locks
		inside := 0
		random := rand.New(rand.NewPCG(1, 2))
		var done sync.WaitGroup
		for range 200 {
			arrival, patience, hold := random.IntN(1000), random.IntN(300), random.IntN(20)
			done.Go(func() {
				<-time.After(time.Duration(arrival) * time.Millisecond) // virtual time
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(patience)*time.Millisecond)
				defer cancel()
				release, err := locks.Lock(ctx, lockKey("order-1"))
				if err != nil {
					assert.ErrorIs(t, err, context.DeadlineExceeded)
					return
				}
				inside++
				assert.Equal(t, 1, inside)
				<-time.After(time.Duration(hold) * time.Millisecond)
				inside--
				release()
			})
		}
		done.Wait()
		assert.Empty(t, locks.held)
	})
}
