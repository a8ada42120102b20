package resilience

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	errSick    = errors.New("sick")
	errRefusal = errors.New("business says no")
	errSilent  = errors.New("says nothing about the target")
	errPart    = errors.New("one instance is sick")
)

// byError is the classifier of these tests.
func byError(err error) Outcome {
	switch {
	case errors.Is(err, errRefusal):
		return Success
	case errors.Is(err, errSilent):
		return Ignored
	case errors.Is(err, errPart):
		return PartialFailure
	default:
		return Failure
	}
}

func returning(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// callTimes makes n calls that return err.
func callTimes(t *testing.T, b *Breaker, n int, err error) {
	t.Helper()
	for range n {
		require.ErrorIs(t, b.Do(t.Context(), returning(err)), err)
	}
}

func newTestBreaker(observer func(Transition)) *Breaker {
	return NewBreaker("payment", BreakerConfig{}, byError, observer)
}

func TestBreakerOpensAfterFiveConsecutiveFailures(t *testing.T) {
	b := newTestBreaker(nil)
	callTimes(t, b, 4, errSick)
	require.NoError(t, b.Do(t.Context(), returning(nil)), "a success in between starts the count anew")
	callTimes(t, b, 4, errSick)
	require.Equal(t, Closed, b.State())

	callTimes(t, b, 1, errSick)
	assert.Equal(t, Open, b.State())
}

func TestBreakerRecoversByThreeConsecutiveSuccesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBreaker(nil)
		callTimes(t, b, 5, errSick)
		advance(30 * time.Second)
		require.Equal(t, HalfOpen, b.State())

		callTimes(t, b, 2, nil)
		require.Equal(t, HalfOpen, b.State())
		callTimes(t, b, 1, nil)
		assert.Equal(t, Closed, b.State())
	})
}

func TestBreakerReopensOnAnyFailureWhileHalfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBreaker(nil)
		callTimes(t, b, 5, errSick)
		advance(30 * time.Second)
		callTimes(t, b, 2, nil)
		callTimes(t, b, 1, errSick)

		assert.Equal(t, Open, b.State())
		assert.Equal(t, 30*time.Second, b.RemainingOpen(), "the open time begins anew")
	})
}

func TestOpenBreakerRefusesAndSaysForHowLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBreaker(nil)
		callTimes(t, b, 5, errSick)
		advance(12 * time.Second)

		err := b.Do(t.Context(), func(context.Context) error {
			assert.Fail(t, "the call was made")
			return nil
		})
		var open *BreakerOpenError
		require.ErrorAs(t, err, &open)
		require.ErrorIs(t, err, ErrBreakerOpen)
		assert.Equal(t, BreakerOpenError{Target: "payment", RetryAfter: 18 * time.Second}, *open)
		assert.Equal(t, uint64(1), b.Refused())

		advance(open.RetryAfter)
		assert.NoError(t, b.Do(t.Context(), returning(nil)), "who waits as told is let through")
	})
}

func TestHalfOpenBreakerLetsOnlyTrialCallsThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBreaker(nil)
		callTimes(t, b, 5, errSick)
		advance(30 * time.Second)

		finish := make(chan error)
		var trials sync.WaitGroup
		for range 3 {
			trials.Go(func() {
				assert.NoError(t, b.Do(t.Context(), func(context.Context) error { return <-finish }))
			})
		}
		synctest.Wait()

		var refused *BreakerOpenError
		require.ErrorAs(t, b.Do(t.Context(), returning(nil)), &refused)
		assert.Zero(t, refused.RetryAfter)
		assert.ErrorContains(t, refused, "half-open")

		close(finish)
		trials.Wait()
		assert.Equal(t, Closed, b.State())
	})
}

func TestWhatCountsAgainstTheBreaker(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	gaveUp := errors.New("gave up")
	cancelledWithCause, cancelCause := context.WithCancelCause(t.Context())
	cancelCause(gaveUp)
	expired, cancelExpired := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancelExpired()

	tests := map[string]struct {
		caller func() context.Context
		err    error
		want   Counts
	}{
		"success":                 {t.Context, nil, Counts{Successes: 1, ConsecutiveSuccesses: 1}},
		"business refusal":        {t.Context, fmt.Errorf("charging: %w", errRefusal), Counts{Successes: 1, ConsecutiveSuccesses: 1}},
		"failure":                 {t.Context, errSick, Counts{Failures: 1, ConsecutiveFailures: 1}},
		"failure of an instance":  {t.Context, errPart, Counts{Failures: 1, PartialFailures: 1, ConsecutiveFailures: 1}},
		"classified as nothing":   {t.Context, errSilent, Counts{Ignored: 1}},
		"cancelled by the caller": {being(cancelled), fmt.Errorf("calling: %w", context.Canceled), Counts{Ignored: 1}},
		"cancelled with a cause":  {being(cancelledWithCause), gaveUp, Counts{Ignored: 1}},
		"success after a cancel":  {being(cancelled), nil, Counts{Successes: 1, ConsecutiveSuccesses: 1}},
		"failure beside a cancel": {being(cancelled), errSick, Counts{Failures: 1, ConsecutiveFailures: 1}},
		"cancelled by the target": {t.Context, context.Canceled, Counts{Failures: 1, ConsecutiveFailures: 1}},
		"deadline of the caller":  {being(expired), context.DeadlineExceeded, Counts{Failures: 1, ConsecutiveFailures: 1}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := newTestBreaker(nil)
			err := b.Do(test.caller(), returning(test.err))
			assert.Equal(t, test.err, err, "the error comes back unchanged")
			test.want.Requests = 1
			assert.Equal(t, test.want, b.Counts())
		})
	}
}

// being is a caller with this context.
func being(ctx context.Context) func() context.Context {
	return func() context.Context { return ctx }
}

func TestPanicCountsAsFailureAndLeaksNoTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBreaker(nil)
		broken := func() { _ = b.Do(t.Context(), func(context.Context) error { panic("broken") }) }
		for range 5 {
			require.PanicsWithValue(t, "broken", broken)
		}
		require.Equal(t, Open, b.State())

		advance(30 * time.Second)
		require.PanicsWithValue(t, "broken", broken)
		require.Equal(t, Open, b.State())

		advance(30 * time.Second)
		callTimes(t, b, 3, nil)
		assert.Equal(t, Closed, b.State())
	})
}

func TestLateResultCountsForTheStateInWhichItsCallBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBreaker(nil)
		finish := make(chan error)
		var late sync.WaitGroup
		late.Go(func() {
			assert.ErrorIs(t, b.Do(t.Context(), func(context.Context) error { return <-finish }), errSick)
		})
		synctest.Wait()
		callTimes(t, b, 5, errSick)
		advance(30 * time.Second)
		callTimes(t, b, 2, nil)

		finish <- errSick
		late.Wait()
		assert.Equal(t, HalfOpen, b.State(), "a failure from before does not reopen it")
		callTimes(t, b, 1, nil)
		assert.Equal(t, Closed, b.State())
	})
}

func TestTransitionsAreReportedOnceInOrderAndOutsideTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var seen []Transition
		var b *Breaker
		b = newTestBreaker(func(tr Transition) {
			seen = append(seen, tr)
			b.State() // would lock itself out if the breaker's lock were held
		})
		callTimes(t, b, 5, errSick)
		advance(30 * time.Second)
		b.State() // half-open is noticed without a call
		callTimes(t, b, 3, nil)

		assert.Equal(t, []Transition{
			{Target: "payment", From: Closed, To: Open, At: start},
			{Target: "payment", From: Open, To: HalfOpen, At: start.Add(30 * time.Second)},
			{Target: "payment", From: HalfOpen, To: Closed, At: start.Add(30 * time.Second)},
		}, seen)
	})
}

func TestTransitionsAreReportedOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		proceed := make(chan struct{})
		var states []State
		b := newTestBreaker(func(tr Transition) {
			<-proceed
			states = append(states, tr.To)
		})
		var slow sync.WaitGroup
		slow.Go(func() { callTimes(t, b, 5, errSick) }) // its last call reports
		synctest.Wait()
		advance(30 * time.Second)
		slow.Go(func() { callTimes(t, b, 3, nil) }) // these leave it to that one
		synctest.Wait()
		require.Equal(t, Closed, b.State())
		require.Empty(t, states)

		close(proceed)
		slow.Wait()
		assert.Equal(t, []State{Open, HalfOpen, Closed}, states)
	})
}

func TestOpenTimeIsEndedEarlyOnceUntilItIsOverOrTheBreakerCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestBreaker(nil)
		changes := func() bool {
			advance(time.Second)
			return b.TryEarly(time.Now())
		}
		callTimes(t, b, 5, errSick)
		require.True(t, changes())
		require.False(t, changes(), "it is half-open already")
		callTimes(t, b, 1, errSick)
		require.False(t, changes(), "the trial has failed")
		require.Equal(t, 29*time.Second, b.RemainingOpen())

		advance(29 * time.Second)
		callTimes(t, b, 1, errSick)
		require.True(t, changes(), "the whole time was over")
		callTimes(t, b, 3, nil)
		require.Equal(t, Closed, b.State())
		callTimes(t, b, 5, errSick)
		assert.True(t, changes(), "the trial has closed it")
	})
}

func TestBreakerUnderTenThousandGoroutinesIsNotWedged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var seen []Transition
		b := newTestBreaker(func(tr Transition) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, tr)
		})
		results := []error{nil, errSick, errRefusal, errSilent}
		var calls sync.WaitGroup
		for i := range 10_000 {
			calls.Go(func() {
				defer func() { _ = recover() }()
				advance(time.Duration(i%1_000) * 100 * time.Millisecond)
				_ = b.Do(t.Context(), func(context.Context) error {
					advance(time.Duration(i%7) * time.Second)
					if i%11 == 0 {
						panic("broken")
					}
					return results[i%len(results)]
				})
			})
		}
		calls.Wait()

		advance(30 * time.Second)
		callTimes(t, b, 3, nil)
		assert.Equal(t, Closed, b.State(), "every trial's place was given back")
		for i := range seen[1:] {
			assert.Equal(t, seen[i].To, seen[i+1].From, "transition %d follows from the one before", i+1)
		}
	})
}

func TestStateIsAWordInJSON(t *testing.T) {
	text, err := json.Marshal([]State{Closed, HalfOpen, Open})
	require.NoError(t, err)
	assert.JSONEq(t, `["closed", "half-open", "open"]`, string(text))
	assert.Equal(t, "State(7)", State(7).String())

	var read []State
	require.NoError(t, json.Unmarshal(text, &read))
	assert.Equal(t, []State{Closed, HalfOpen, Open}, read)
	assert.ErrorContains(t, json.Unmarshal([]byte(`["ajar"]`), &read), "ajar")
}
