package eventstore_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/filesystemtest"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/order/internal/eventstore"
	"orderflow/services/order/internal/migrations"
)

// during runs three appends: before an outage, in it, and after it. The one in
// it fails with an error that says what the outage is, and leaves nothing behind.
func during(t *testing.T, s *fixture, fault error, begin, end func()) {
	t.Helper()
	require.NoError(t, s.append(orderStream("a"), 0, noon, s.event("before")))
	begin()
	err := s.append(orderStream("a"), 1, noon, s.event("during"), s.event("during"))
	require.ErrorIs(t, err, fault)
	require.NotErrorIs(t, err, eventstore.ErrConflict)
	end()
	require.NoError(t, s.append(orderStream("a"), 1, noon, s.event("after")))
	assert.Equal(t, []string{"before", "after"}, types(s.all()), "positions have no hole either")
}

func onSQLite(t *testing.T) *fixture {
	db := sqlstoretest.Open(t, sqlstoretest.SQLite(t), migrations.Schemas()...)
	return &fixture{t: t, db: db, Store: eventstore.New(db)}
}

func onPostgres(t *testing.T) (s *fixture, operator *pgx.Conn) {
	dsn := sqlstoretest.Postgres(t)
	db := sqlstoretest.Open(t, dsn, migrations.Schemas()...)
	operator, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, operator.Close(context.Background())) })
	return &fixture{t: t, db: db, Store: eventstore.New(db)}, operator
}

func execute(t *testing.T, operator *pgx.Conn, statements string) {
	t.Helper()
	_, err := operator.Exec(t.Context(), statements)
	require.NoError(t, err)
}

// The database may not grow: SQLite answers as it does when the disk is full.
func TestADatabaseThatCannotGrowRefusesAppendsUntilItCan(t *testing.T) {
	s := onSQLite(t)
	pragma := func(statement string) {
		require.NoError(t, s.db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, statement)
			return err
		}))
	}
	large := s.event("during")
	large.Payload = []byte(`"` + string(make([]byte, 1<<20)) + `"`)
	require.NoError(t, s.append(orderStream("a"), 0, noon, s.event("before")))
	pragma(`PRAGMA max_page_count = 1`) // as many as there are already
	err := s.append(orderStream("a"), 1, noon, s.event("during"), large)
	require.ErrorIs(t, err, sqlstore.ErrFull)
	pragma(`PRAGMA max_page_count = 1000000`)
	require.NoError(t, s.append(orderStream("a"), 1, noon, s.event("after")))
	assert.Equal(t, []string{"before", "after"}, types(s.all()))
}

// A disk of 4 MiB that something else has filled.
func TestAFullDiskRefusesAppendsUntilThereIsRoom(t *testing.T) {
	disk := filesystemtest.Small(t, 4<<20)
	db := sqlstoretest.Open(t, "sqlite:"+filepath.Join(disk, "test.db"), migrations.Schemas()...)
	s := &fixture{t: t, db: db, Store: eventstore.New(db)}
	ballast := filepath.Join(disk, "ballast")
	during(t, s, sqlstore.ErrFull,
		func() { require.ErrorIs(t, os.WriteFile(ballast, make([]byte, 8<<20), 0o600), syscall.ENOSPC) },
		func() { require.NoError(t, os.Remove(ballast)) })
}

// PostgreSQL says 53100 when its disk is full; a trigger says so here.
func TestPostgresOnAFullDiskRefusesAppendsUntilThereIsRoom(t *testing.T) {
	s, operator := onPostgres(t)
	during(t, s, sqlstore.ErrFull,
		func() {
			execute(t, operator, failingTrigger(`RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'`))
		},
		func() { execute(t, operator, `DROP TRIGGER fault ON event`) })
}

// The server closes the connection while it commits: whatever was done before
// is undone, and the next append gets a new connection.
func TestAConnectionThatIsLostDuringTheCommitLeavesNothingBehind(t *testing.T) {
	s, operator := onPostgres(t)
	during(t, s, sqlstore.ErrOutcomeUnknown,
		func() { execute(t, operator, failingTrigger(`PERFORM pg_terminate_backend(pg_backend_pid())`)) },
		func() { execute(t, operator, `DROP TRIGGER fault ON event`) })
}

// failingTrigger runs the statement within the commit of each append.
func failingTrigger(statement string) string {
	return `
		CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ` + statement + `; RETURN NULL; END $$;
		CREATE CONSTRAINT TRIGGER fault AFTER INSERT ON event DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fault()`
}

func TestEveryConnectionMayBeLostAtOnce(t *testing.T) {
	s, operator := onPostgres(t)
	require.NoError(t, s.append(orderStream("a"), 0, noon, s.event("1")))
	for version := int64(1); version <= 5; version++ {
		execute(t, operator, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		// The pool may not have heard of it yet: then the append fails, and the
		// next one works.
		require.Eventually(t, func() bool {
			err := s.append(orderStream("a"), version, noon, s.event("e"))
			if err != nil {
				assert.Equal(t, problem.Unavailable, problem.CodeOf(err), "%v", err)
			}
			return err == nil
		}, 10*time.Second, time.Millisecond)
	}
	assert.Len(t, s.all(), 6)
}

// Another process holds the lock of the file for longer than a writer waits.
func TestALockedFileRefusesAppendsUntilItIsFree(t *testing.T) {
	dsn := sqlstoretest.SQLite(t)
	db := sqlstoretest.Open(t, dsn, migrations.Schemas()...)
	other := sqlstoretest.Open(t, dsn)
	s := &fixture{t: t, db: db, Store: eventstore.New(db)}
	locked, free := make(chan struct{}), make(chan struct{})
	held := make(chan error, 1)
	during(t, s, sqlstore.ErrLocked,
		func() {
			require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, `PRAGMA busy_timeout = 20`)
				return err
			}))
			go func() {
				held <- other.InTx(t.Context(), func(context.Context, *sql.Tx) error {
					close(locked)
					<-free
					return errors.New("it changed nothing")
				})
			}()
			<-locked
		},
		func() {
			close(free)
			require.Error(t, <-held)
		})
}

// Here the caller's patience ends first.
func TestALockedTableEndsWithTheCallersDeadline(t *testing.T) {
	s, operator := onPostgres(t)
	require.NoError(t, s.append(orderStream("a"), 0, noon, s.event("before")))
	execute(t, operator, `BEGIN; LOCK TABLE event_head IN EXCLUSIVE MODE`)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, appendTo(ctx, s.Store, orderStream("a"), 1, noon, s.event("during")), context.DeadlineExceeded)
	execute(t, operator, `ROLLBACK`)
	require.NoError(t, s.append(orderStream("a"), 1, noon, s.event("after")))
	assert.Equal(t, []string{"before", "after"}, types(s.all()))
}
