package readmodel

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// runs starts a loop in a bubble of virtual time and records when it runs.
func runs(t *testing.T, cfg LoopConfig, runOnce func(run int) (bool, error)) (loop *Loop, times func() []time.Duration) {
	start := time.Now()
	var mu sync.Mutex
	var recorded []time.Duration
	loop = NewLoop(func(context.Context) (bool, error) {
		mu.Lock()
		defer mu.Unlock()
		recorded = append(recorded, time.Since(start))
		return runOnce(len(recorded))
	}, cfg, zap.NewNop())
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- loop.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
	})
	times = func() []time.Duration {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(recorded)
	}
	return loop, times
}

const (
	poll    = time.Second
	spacing = 10 * time.Millisecond
)

var timing = LoopConfig{Poll: poll, Spacing: spacing}

func idle(int) (bool, error) { return false, nil }

func TestTheLoopPollsWithoutBeingWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, times := runs(t, timing, idle)
		<-time.After(2*(poll+spacing) + spacing/2)
		assert.Equal(t, []time.Duration{0, poll + spacing, 2 * (poll + spacing)}, times())
	})
}

func TestTheLoopRunsAtOnceWhenWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop, times := runs(t, timing, idle)
		<-time.After(poll / 2)
		loop.Wake()
		synctest.Wait()
		assert.Equal(t, []time.Duration{0, poll / 2}, times())
	})
}

func TestTheLoopLetsEventsGatherUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop, times := runs(t, timing, idle)
		for range 100 {
			loop.Wake()
			<-time.After(time.Millisecond)
		}
		assert.Len(t, times(), 11, "every 10 ms, for 100 wakes in 100 ms")
	})
}

func TestTheLoopGoesOnAtOnceWhenThereIsMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, times := runs(t, timing, func(run int) (bool, error) { return run < 5, nil })
		synctest.Wait()
		assert.Equal(t, make([]time.Duration, 5), times())
	})
}

func TestAFailureIsReportedUntilARunSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		poison := &PoisonError{Position: 7, Err: errors.New("unknown kind of event")}
		loop, times := runs(t, timing, func(run int) (bool, error) {
			if run <= 2 {
				return false, poison
			}
			return false, nil
		})
		synctest.Wait()
		require.ErrorContains(t, loop.Check(t.Context()), "position 7")
		require.ErrorContains(t, loop.Check(t.Context()), "unknown kind of event")
		for range 10 {
			loop.Wake()
			synctest.Wait()
		}
		assert.Len(t, times(), 1, "what wakes the loop does not make it fail faster")

		<-time.After(2*poll + spacing/2)
		require.NoError(t, loop.Check(t.Context()))
		assert.Len(t, times(), 3)
	})
}

func TestAPoisonEventIsLoggedOnce(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	loop := NewLoop(nil, timing, zap.New(core))
	for range 3 {
		loop.record(&PoisonError{Position: 7, Err: errors.New("unknown kind of event")})
	}
	loop.record(nil)
	loop.record(nil)
	require.Equal(t, 2, logs.Len())
	assert.Equal(t, zap.ErrorLevel, logs.All()[0].Level)
	assert.EqualValues(t, 7, logs.All()[0].ContextMap()["position"])
	assert.Equal(t, zap.InfoLevel, logs.All()[1].Level)
}
