package eventstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/order/internal/eventstore"
	"orderflow/services/order/internal/migrations"
)

// listening runs a listener and returns the channel of its wakes.
func listening(t *testing.T, dsn string) <-chan struct{} {
	t.Helper()
	wakes := make(chan struct{}, 1000)
	listener := eventstore.NewListener(dsn, func() { wakes <- struct{}{} }, zap.NewNop())
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- listener.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
	})
	return wakes
}

func requireWake(t *testing.T, wakes <-chan struct{}, why string) {
	t.Helper()
	select {
	case <-wakes:
	case <-time.After(20 * time.Second):
		require.Fail(t, "no wake "+why)
	}
}

func TestAListenerHearsOfTheAppendsOfOtherProcesses(t *testing.T) {
	dsn := sqlstoretest.Postgres(t)
	other := sqlstoretest.Open(t, dsn, migrations.Schemas()...)
	s := &fixture{t: t, db: other, Store: eventstore.New(other)}
	wakes := listening(t, dsn)
	requireWake(t, wakes, "when it has connected: events may have come before")

	require.NoError(t, s.append(orderStream("a"), 0, noon, s.event("1"), s.event("2")))
	requireWake(t, wakes, "after an append")
	require.ErrorIs(t, s.append(orderStream("a"), 0, noon, s.event("3")), eventstore.ErrConflict)
	require.NoError(t, s.append(orderStream("a"), 2, noon, s.event("4")))
	requireWake(t, wakes, "after another append")
	assert.Empty(t, wakes, "an append of two is told once, a refused one not at all")
}

func TestAListenerConnectsAgainWhenItsConnectionIsLost(t *testing.T) {
	s, operator := onPostgres(t)
	wakes := listening(t, operator.Config().ConnString())
	requireWake(t, wakes, "when it has connected")
	execute(t, operator, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`)
	requireWake(t, wakes, "when it has connected again")
	require.NoError(t, s.append(orderStream("a"), 0, noon, s.event("1")))
	requireWake(t, wakes, "after an append")
}

func TestAListenerEndsWithItsContextAndLeavesNothing(t *testing.T) {
	for name, dsn := range map[string]string{
		"while it listens":      sqlstoretest.Postgres(t),
		"while nobody is there": "postgres://nobody@127.0.0.1:1/nothing",
	} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			ctx, stop := context.WithCancel(t.Context())
			listener := eventstore.NewListener(dsn, stop, zap.NewNop())
			if name != "while it listens" {
				time.AfterFunc(50*time.Millisecond, stop)
			}
			require.NoError(t, listener.Run(ctx))
			require.True(t, errors.Is(ctx.Err(), context.Canceled))
			goleak.VerifyNone(t, before)
		})
	}
}
