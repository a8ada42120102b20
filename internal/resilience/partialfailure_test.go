package resilience

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFailuresOfOneInstanceDoNotOpenTheBreaker(t *testing.T) {
	b := newTestBreaker(nil)
	callTimes(t, b, 100, errPart)
	assert.Equal(t, Closed, b.State())
	assert.Equal(t, Counts{Requests: 100, Failures: 100, PartialFailures: 100, ConsecutiveFailures: 100}, b.Counts())
}

func TestPartialFailuresCountOnceTheWholeTargetFails(t *testing.T) {
	b := newTestBreaker(nil)
	callTimes(t, b, 2, errPart) // two of three instances
	callTimes(t, b, 2, errSick) // now each has failed
	require.Equal(t, Closed, b.State())
	callTimes(t, b, 1, errSick)
	assert.Equal(t, Open, b.State(), "five in a row, as with one instance")
}

func TestPartialFailureAsATrialDecidesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBreaker(nil)
		callTimes(t, b, 5, errSick)
		advance(30 * time.Second)

		callTimes(t, b, 2, nil)
		callTimes(t, b, 10, errPart)
		require.Equal(t, HalfOpen, b.State(), "its place was given back each time")
		callTimes(t, b, 1, nil)
		assert.Equal(t, Closed, b.State())
	})
}

func TestBreakerIsTriedEarlyAfterAChangeThatIsNewerThanItsFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen []Transition
		b := newTestBreaker(func(tr Transition) { seen = append(seen, tr) })
		before := time.Now()
		assert.False(t, b.TryEarly(before), "a closed breaker is tried anyway")
		advance(time.Second)
		callTimes(t, b, 5, errSick)

		assert.False(t, b.TryEarly(before), "what was there when it opened is part of what failed")
		assert.False(t, b.TryEarly(time.Time{}))
		assert.Equal(t, 30*time.Second, b.RemainingOpen())

		advance(time.Second)
		assert.True(t, b.TryEarly(time.Now()))
		assert.Equal(t, HalfOpen, b.State())
		assert.Equal(t, Transition{Target: "payment", From: Open, To: HalfOpen, At: time.Now(), Early: true}, seen[1])

		callTimes(t, b, 1, errSick)
		require.Equal(t, 30*time.Second, b.RemainingOpen(), "one failed trial, and it gets the whole time")
		assert.False(t, b.TryEarly(time.Now()), "the same change does not count twice")
		advance(30 * time.Second)
		assert.False(t, b.TryEarly(time.Now()), "in the end no change is needed")
		require.Len(t, seen, 4)
		assert.Equal(t, HalfOpen, seen[3].To)
		assert.False(t, seen[3].Early)
	})
}

func TestResultFromBeforeAnEarlyTrialChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBreaker(nil)
		finish, late := make(chan error), make(chan error)
		go func() { late <- b.Do(t.Context(), func(context.Context) error { return <-finish }) }()
		synctest.Wait()
		callTimes(t, b, 5, errSick)
		advance(time.Second)
		require.True(t, b.TryEarly(time.Now()))

		finish <- errSick
		require.ErrorIs(t, <-late, errSick)
		assert.Equal(t, HalfOpen, b.State())
	})
}
