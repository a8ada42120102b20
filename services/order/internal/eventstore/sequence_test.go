package eventstore_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore/sqlstoretest"
)

// The usual way: positions from a sequence, and a reader that remembers the
// last one it has seen. A position is drawn before the commit, so the second
// writer can commit first, and the reader never comes back for the first.
func TestACursorOverASequenceLosesWhatCommitsLate(t *testing.T) {
	dsn := sqlstoretest.Postgres(t)
	connect := func() *pgx.Conn {
		connection, err := pgx.Connect(t.Context(), dsn)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, connection.Close(context.Background())) })
		return connection
	}
	reader, slow, fast := connect(), connect(), connect()
	execute(t, reader, `CREATE TABLE plain_event (position BIGSERIAL PRIMARY KEY, name TEXT NOT NULL)`)
	cursor := int64(0)
	read := func() (names []string) {
		rows, err := reader.Query(t.Context(), `SELECT position, name FROM plain_event WHERE position > $1 ORDER BY position`, cursor)
		require.NoError(t, err)
		for rows.Next() {
			var name string
			require.NoError(t, rows.Scan(&cursor, &name))
			names = append(names, name)
		}
		require.NoError(t, rows.Err())
		return names
	}

	execute(t, slow, `BEGIN; INSERT INTO plain_event (name) VALUES ('slow')`)
	execute(t, fast, `INSERT INTO plain_event (name) VALUES ('fast')`)
	assert.Equal(t, []string{"fast"}, read())
	execute(t, slow, `COMMIT`)
	assert.Empty(t, read(), "the event of the slow writer is lost for this reader")
}

// The same two writers in this store: the second waits, and the reader sees
// both in their order.
func TestTheStoreLosesNothingThatCommitsLate(t *testing.T) {
	s, operator := onPostgres(t)
	var cursor int64
	read := func() (names []string) {
		events, err := s.ReadAll(t.Context(), s.Reader(), cursor, 10)
		require.NoError(t, err)
		cursor += int64(len(events))
		return types(events)
	}

	appended, commit := make(chan struct{}), make(chan struct{})
	slow, fast := make(chan error, 1), make(chan error, 1)
	slowEvent, fastEvent := s.event("slow"), s.event("fast")
	go func() {
		slow <- s.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := s.Append(ctx, tx, orderStream("slow"), 0, noon, slowEvent)
			close(appended)
			<-commit
			return err
		})
	}()
	<-appended
	go func() { fast <- appendTo(t.Context(), s.Store, orderStream("fast"), 0, noon, fastEvent) }()
	require.Eventually(t, func() bool {
		var waiting int
		err := operator.QueryRow(t.Context(), `
			SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting)
		return err == nil && waiting == 1
	}, 10*time.Second, time.Millisecond, "the fast writer waits for the slow one")
	assert.Empty(t, read())
	close(commit)
	require.NoError(t, <-slow)
	require.NoError(t, <-fast)
	assert.Equal(t, []string{"slow", "fast"}, read())
}
