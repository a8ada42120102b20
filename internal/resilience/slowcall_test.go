package resilience

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lasting is a call that returns err after a while, or earlier when its context
// ends.
func lasting(d time.Duration, err error) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func newSlowCallBreaker() *Breaker {
	return NewBreaker("payment", BreakerConfig{SlowCall: time.Second}, byError, nil)
}

func TestSlowAnswersOpenTheBreakerAndAreReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSlowCallBreaker()
		for range 3 {
			require.NoError(t, b.Do(t.Context(), lasting(time.Second+1, nil)), "the answer is the caller's")
		}
		require.NoError(t, b.Do(t.Context(), lasting(time.Second, nil)), "at its limit it is in time")
		for range 5 {
			require.Equal(t, Closed, b.State())
			require.ErrorIs(t, b.Do(t.Context(), lasting(time.Second+1, errRefusal)), errRefusal)
		}
		assert.Equal(t, Open, b.State())
		assert.Equal(t, uint64(8), b.Stats().SlowCalls)
	})
}

func TestSlowTrialOpensTheBreakerAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSlowCallBreaker()
		callTimes(t, b, 5, errSick)
		advance(30 * time.Second)
		require.NoError(t, b.Do(t.Context(), lasting(2*time.Second, nil)))
		assert.Equal(t, Open, b.State())
	})
}

func TestSlowAnswerCountsForTheStateInWhichItsCallBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSlowCallBreaker()
		late := make(chan error)
		go func() { late <- b.Do(t.Context(), lasting(31*time.Second, nil)) }()
		synctest.Wait()
		callTimes(t, b, 5, errSick)
		advance(30 * time.Second)
		callTimes(t, b, 1, nil)

		require.NoError(t, <-late)
		assert.Equal(t, HalfOpen, b.State())
	})
}

func TestSlowCallThatIsCancelledCountsAsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSlowCallBreaker()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Minute, cancel)
		require.ErrorIs(t, b.Do(ctx, lasting(time.Hour, nil)), context.Canceled)
		assert.Equal(t, Counts{Requests: 1, Ignored: 1}, b.Counts())
		assert.Zero(t, b.Stats().SlowCalls)
	})
}

func TestWithoutALimitNoAnswerIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBreaker(nil)
		for range 10 {
			require.NoError(t, b.Do(t.Context(), lasting(time.Hour, nil)))
		}
		assert.Equal(t, Closed, b.State())
	})
}
