package internal_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"orderflow/services/notification/internal"
)

// runs is a deliverer that only counts.
type runs struct {
	at []time.Duration // since the start
	// result of the next run; nil is nothing more, no error.
	result func(ctx context.Context) (bool, error)
	start  time.Time
}

func (r *runs) runOnce(ctx context.Context) (bool, error) {
	r.at = append(r.at, time.Since(r.start))
	if r.result == nil {
		return false, nil
	}
	return r.result(ctx)
}

// loop runs a loop in the bubble; stop ends it and waits for it.
func loop(t *testing.T, r *runs) (l *internal.Loop, stop func()) {
	r.start = time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	l = internal.NewLoop(r.runOnce, zap.NewNop())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	synctest.Wait()
	return l, func() {
		cancel()
		require.NoError(t, <-done)
	}
}

func TestLoopPollsEvenWhenNobodyWakesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &runs{}
		_, stop := loop(t, r)
		wait(3 * time.Second)
		require.Equal(t, []time.Duration{0, 1050 * time.Millisecond, 2100 * time.Millisecond}, r.at)
		stop()
	})
}

func TestLoopRunsSoonAfterItIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &runs{}
		l, stop := loop(t, r)
		wait(200 * time.Millisecond)
		for range 10 {
			l.Wake()
		}
		wait(10 * time.Millisecond)
		l.Wake() // too soon: it gathers with what follows
		wait(100 * time.Millisecond)
		require.Equal(t, []time.Duration{0, 200 * time.Millisecond, 250 * time.Millisecond}, r.at)
		stop()
	})
}

func TestLoopGoesOnAtOnceWhileThereIsMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &runs{}
		r.result = func(context.Context) (bool, error) { return len(r.at) < 5, nil }
		_, stop := loop(t, r)
		require.Equal(t, make([]time.Duration, 5), r.at)
		stop()
	})
}

func TestLoopPausesAfterAFailureWhateverWakesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &runs{}
		r.result = func(context.Context) (bool, error) { return true, errors.New("database is locked") }
		l, stop := loop(t, r)
		l.Wake()
		wait(1500 * time.Millisecond)
		require.Equal(t, []time.Duration{0, time.Second}, r.at)
		stop()
	})
}

func TestLoopDeliversWhatIsDueBeforeItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &runs{}
		_, stop := loop(t, r)
		due := 3
		r.result = func(ctx context.Context) (bool, error) {
			require.NoError(t, ctx.Err(), "the last runs are not cut off")
			due--
			return due > 0, nil
		}
		stop()
		require.Zero(t, due)
	})
}

func TestLoopDoesNotWaitForASinkThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &runs{}
		r.result = func(ctx context.Context) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		}
		_, stop := loop(t, r)
		began := time.Now()
		stop()
		require.Equal(t, 3*time.Second, time.Since(began))
	})
}

// wait lets the bubble's time pass.
func wait(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}
