package lifecycle_test

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"orderflow/internal/lifecycle"
)

func TestContextEndsWithEitherSignal(t *testing.T) {
	for _, sent := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sent.String(), func(t *testing.T) {
			ctx, stop := lifecycle.Context()
			defer stop()
			require.NoError(t, ctx.Err())

			self, err := os.FindProcess(os.Getpid())
			require.NoError(t, err)
			require.NoError(t, self.Signal(sent))

			select {
			case <-ctx.Done():
			case <-time.After(5 * time.Second):
				t.Fatal("the context did not end")
			}
		})
	}
}

func TestCloseRunsInReverseAndOnce(t *testing.T) {
	defer goleak.VerifyNone(t)
	var order []string
	var stack lifecycle.Stack
	for _, name := range []string{"telemetry", "store", "server"} {
		stack.PushFunc(name, func() error { order = append(order, name); return nil })
	}
	require.NoError(t, stack.Close(context.Background()))
	require.NoError(t, stack.Close(context.Background()))
	assert.Equal(t, []string{"server", "store", "telemetry"}, order)
}

func TestAFailingCloserStopsNoOther(t *testing.T) {
	broken := errors.New("disk full")
	closed := false
	var stack lifecycle.Stack
	stack.PushFunc("first", func() error { closed = true; return nil })
	stack.PushFunc("store", func() error { return broken })
	stack.PushFunc("server", func() error { panic("boom") })

	err := stack.Close(context.Background())
	require.ErrorIs(t, err, broken)
	assert.ErrorContains(t, err, "closing store: disk full")
	assert.ErrorContains(t, err, "closing server: panic: boom")
	assert.True(t, closed)
}

func TestAHangingCloserIsGivenUpAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		var seen error
		var stack lifecycle.Stack
		stack.Push("store", func(ctx context.Context) error { seen = ctx.Err(); return nil })
		stack.PushFunc("server", func() error { <-release; return nil })

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		err := stack.Close(ctx)

		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "closing server: given up")
		assert.ErrorIs(t, seen, context.DeadlineExceeded, "the next closer knows that time is up")
		assert.Equal(t, 10*time.Second+250*time.Millisecond, time.Since(start))
	})
}
