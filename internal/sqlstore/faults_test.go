package sqlstore_test

import (
	"context"
	"database/sql"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
)

func incrementA(ctx context.Context, tx *sql.Tx) error { return increment(ctx, tx, "a") }

func fileOf(dsn string) string { return strings.TrimPrefix(dsn, "sqlite:") }

// requireSound opens the file as another program would and checks all of it.
func requireSound(t testing.TB, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	var verdict string
	require.NoError(t, db.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict))
	require.Equal(t, "ok", verdict)
}

func TestALockOfAnotherProcessIsReportedAndWaitedOut(t *testing.T) {
	t.Parallel() // it waits as long as a service does
	dsn := sqlstoretest.SQLite(t)
	db := sqlstoretest.Open(t, dsn, counters())
	other, err := sql.Open("sqlite", "file:"+fileOf(dsn)+"?_txlock=exclusive")
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	held, err := other.BeginTx(t.Context(), nil)
	require.NoError(t, err)

	require.ErrorIs(t, db.InTx(t.Context(), incrementA), sqlstore.ErrLocked)
	assert.Equal(t, 0, value(t, db, "a"), "readers do not care")

	require.NoError(t, held.Rollback())
	write(t, db, incrementA)
	assert.Equal(t, 1, value(t, db, "a"))
}

func TestALockOfAnotherSessionIsReportedAndWaitedOut(t *testing.T) {
	dsn := sqlstoretest.Postgres(t)
	sqlstoretest.Open(t, dsn, counters())
	db := sqlstoretest.Open(t, with(t, dsn, "lock_timeout=50"))
	other, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close(context.Background())) }()
	_, err = other.Exec(t.Context(), "BEGIN; LOCK TABLE counter")
	require.NoError(t, err)

	require.ErrorIs(t, db.InTx(t.Context(), incrementA), sqlstore.ErrLocked)
	var found int
	require.ErrorIs(t, db.Reader().QueryRowContext(t.Context(), `SELECT value FROM counter`).Scan(&found), sqlstore.ErrLocked)

	_, err = other.Exec(t.Context(), "ROLLBACK")
	require.NoError(t, err)
	write(t, db, incrementA)
	assert.Equal(t, 1, value(t, db, "a"))
}

func TestARemovedDatabaseIsReportedUntilItIsBack(t *testing.T) {
	dsn := sqlstoretest.SQLite(t)
	db := sqlstoretest.Open(t, dsn, counters())
	write(t, db, incrementA)
	away := fileOf(dsn) + ".away"
	require.NoError(t, os.Rename(fileOf(dsn), away))

	var found int
	require.ErrorIs(t, db.InTx(t.Context(), incrementA), sqlstore.ErrUnavailable)
	require.ErrorIs(t, db.Reader().QueryRowContext(t.Context(), `SELECT value FROM counter`).Scan(&found), sqlstore.ErrUnavailable)
	require.ErrorIs(t, db.Ping(t.Context()), sqlstore.ErrUnavailable)
	assert.NoFileExists(t, fileOf(dsn), "an empty database would be worse than none")

	require.NoError(t, os.Rename(away, fileOf(dsn)))
	require.NoError(t, db.Ping(t.Context()))
	write(t, db, incrementA)
	assert.Equal(t, 2, value(t, db, "a"))
}

// What this process has written is not in the other file, and a transaction
// that has begun on one must not end on the other.
func TestAReplacedDatabaseIsRefusedUntilTheRestart(t *testing.T) {
	dsn := sqlstoretest.SQLite(t)
	db, err := sqlstore.Open(t.Context(), dsn, counters())
	require.NoError(t, err)
	write(t, db, incrementA)
	copied := fileOf(dsn) + ".copy"
	require.NoError(t, db.Backup(t.Context(), copied))
	write(t, db, incrementA)
	require.NoError(t, os.Rename(copied, fileOf(dsn)))

	err = db.InTx(t.Context(), incrementA)
	require.ErrorIs(t, err, sqlstore.ErrUnavailable)
	require.ErrorContains(t, err, "restart")
	require.ErrorIs(t, db.Backup(t.Context(), fileOf(dsn)+".next"), sqlstore.ErrUnavailable)
	require.NoError(t, db.Close())

	// SQLite would apply the log of the old file to the new one.
	require.NoError(t, os.Remove(fileOf(dsn)+"-wal"))
	require.NoError(t, os.Remove(fileOf(dsn)+"-shm"))
	again := sqlstoretest.Open(t, dsn, counters())
	assert.Equal(t, 1, value(t, again, "a"))
	requireSound(t, fileOf(dsn))
}

// The server ends every session, as it does when it restarts.
func TestSessionsThatTheServerEndedAreReplaced(t *testing.T) {
	dsn := sqlstoretest.Postgres(t)
	db := sqlstoretest.Open(t, dsn, counters())
	other, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close(context.Background())) }()
	endSessions := func() {
		_, err := other.Exec(t.Context(), `
			SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		require.NoError(t, err)
	}
	err = db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		require.NoError(t, increment(ctx, tx, "a"))
		endSessions()
		return increment(ctx, tx, "a")
	})
	require.ErrorIs(t, err, sqlstore.ErrUnavailable)

	write(t, db, incrementA)
	assert.Equal(t, 1, value(t, db, "a"))
	endSessions()
	// A call may meet a dead session, which is then replaced.
	require.Eventually(t, func() bool {
		return db.InTx(t.Context(), incrementA) == nil
	}, 10*time.Second, time.Millisecond)
	assert.Equal(t, 2, value(t, db, "a"))
}

// A reader has no transaction around it that could say what happened.
func TestASessionThatEndsInTheMiddleOfARead(t *testing.T) {
	dsn := sqlstoretest.Postgres(t)
	db := sqlstoretest.Open(t, dsn, counters())
	other, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close(context.Background())) }()
	// More than the network holds, so that the server is still sending.
	rows, err := db.Reader().QueryContext(t.Context(), `SELECT repeat('x', 1000) FROM generate_series(1, 100000)`)
	require.NoError(t, err)
	defer func() { _ = rows.Close() }()
	require.True(t, rows.Next())
	_, err = other.Exec(t.Context(), `
		SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	require.NoError(t, err)
	for rows.Next() {
	}
	require.ErrorIs(t, rows.Err(), sqlstore.ErrUnavailable)
}

func TestAServerThatIsDownIsUnavailable(t *testing.T) {
	_, err := sqlstore.Open(t.Context(), "postgres://ada@127.0.0.1:1/shop")
	require.ErrorIs(t, err, sqlstore.ErrUnavailable)
}

func TestASessionThatHangsInATransactionIsEnded(t *testing.T) {
	dsn := sqlstoretest.Postgres(t)
	sqlstoretest.Open(t, dsn, counters())
	hung := sqlstoretest.Open(t, with(t, dsn, "idle_in_transaction_session_timeout=20"))
	db := sqlstoretest.Open(t, dsn)
	err := hung.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		if err := increment(ctx, tx, "a"); err != nil {
			return err
		}
		// It waits for the row that the hung transaction holds.
		write(t, db, incrementA)
		return nil
	})
	require.ErrorIs(t, err, sqlstore.ErrUnavailable)
	assert.Equal(t, 1, value(t, db, "a"))
}
