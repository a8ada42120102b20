package internal_test

import (
	"os"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/fence"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/notification"
	"orderflow/services/notification/internal"
	"orderflow/services/notification/internal/sink"
)

// An outbox that was filled before messages could fail keeps every row.
func TestAnOlderOutboxIsCarriedOver(t *testing.T) {
	text, err := os.ReadFile("migrations/001_notification.sql")
	require.NoError(t, err)
	older := sqlstore.Schema{Name: "notification", Migrations: fstest.MapFS{"001_notification.sql": {Data: text}}}
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		before, err := sqlstore.Open(t.Context(), dsn, fence.Schema(), older)
		require.NoError(t, err)
		o := newOutbox(before)
		o.notify(t, "order-1")
		o.runOnce(t)
		o.notify(t, "order-2")
		o.mailbox.deliver = func(sink.Message) error { return errDown }
		o.runOnce(t)
		require.NoError(t, before.Close())

		o = newOutbox(sqlstoretest.Open(t, dsn, internal.Schemas()...))
		o.requireOne(t, "order-1", notification.Delivered, 1)
		require.Equal(t, []string{"delivered "}, o.outcomes(t, "order-1"))
		o.requireOne(t, "order-2", notification.Queued, 1)

		o.clock.advance(time.Minute)
		o.mailbox.deliver = func(sink.Message) error { return &sink.RefusedError{Err: errDown} }
		o.runOnce(t)
		o.requireOne(t, "order-2", notification.Failed, 2)
		require.Equal(t, []string{"failed mail server is down", "failed refused for good: mail server is down"}, o.outcomes(t, "order-2"))
	})
}
