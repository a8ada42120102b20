package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
)

var errRefused = errors.New("refused")

func each(t *testing.T, suite func(t *testing.T, db *sqlstore.DB)) {
	t.Helper()
	sqlstoretest.Each(t, []sqlstore.Schema{counters()}, suite)
}

// increment reads and then writes: the pattern that loses updates in anything
// less than a serializable transaction.
func increment(ctx context.Context, tx *sql.Tx, name string) error {
	var now int
	if err := tx.QueryRowContext(ctx, `SELECT value FROM counter WHERE name = $1`, name).Scan(&now); err != nil {
		return err
	}
	return set(ctx, tx, name, now+1)
}

// requireFree fails when a transaction before it still holds the writer.
func requireFree(t *testing.T, db *sqlstore.DB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return increment(ctx, tx, "b") }))
}

func TestInTxCommits(t *testing.T) {
	each(t, func(t *testing.T, db *sqlstore.DB) {
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error { return increment(ctx, tx, "a") }))
		assert.Equal(t, 1, value(t, db, "a"))
	})
}

func TestInTxRollsBackAndReturnsTheErrorAsItIs(t *testing.T) {
	each(t, func(t *testing.T, db *sqlstore.DB) {
		err := db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			if err := increment(ctx, tx, "a"); err != nil {
				return err
			}
			return errRefused
		})
		assert.Equal(t, errRefused, err)
		assert.Equal(t, 0, value(t, db, "a"))
		requireFree(t, db)
	})
}

func TestInTxRollsBackOnPanic(t *testing.T) {
	each(t, func(t *testing.T, db *sqlstore.DB) {
		assert.PanicsWithValue(t, "broken", func() {
			_ = db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				_ = increment(ctx, tx, "a")
				panic("broken")
			})
		})
		assert.Equal(t, 0, value(t, db, "a"))
		requireFree(t, db)
	})
}

func TestInTxRollsBackWhenTheCallerGoesAway(t *testing.T) {
	each(t, func(t *testing.T, db *sqlstore.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		err := db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			if err := increment(ctx, tx, "a"); err != nil {
				return err
			}
			cancel()
			return nil
		})
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 0, value(t, db, "a"))
		requireFree(t, db)
	})
}

func TestWaitingForTheWriterEndsWithTheContext(t *testing.T) {
	db := sqlstoretest.Open(t, sqlstoretest.SQLite(t), counters())
	require.NoError(t, db.InTx(t.Context(), func(context.Context, *sql.Tx) error {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		err := db.InTx(ctx, func(context.Context, *sql.Tx) error { return nil })
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		return nil
	}))
}

func TestConcurrentReadThenWriteLosesNoUpdate(t *testing.T) {
	each(t, func(t *testing.T, db *sqlstore.DB) {
		const writers, rounds = 50, 10
		errs := make(chan error, writers*rounds)
		var done sync.WaitGroup
		for range writers {
			done.Go(func() {
				for range rounds {
					errs <- db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error { return increment(ctx, tx, "a") })
				}
			})
		}
		done.Wait()
		close(errs)
		for err := range errs {
			require.NoError(t, err)
		}
		assert.Equal(t, writers*rounds, value(t, db, "a"))
	})
}

// Write skew: each of two transactions reads what the other writes. Only one
// may go ahead on what it has read.
func TestTransactionsAreSerializable(t *testing.T) {
	each(t, func(t *testing.T, db *sqlstore.DB) {
		takeIfBothAreZero := func(name string) error {
			return db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				var sum int
				if err := tx.QueryRowContext(ctx, `SELECT SUM(value) FROM counter`).Scan(&sum); err != nil {
					return err
				}
				if sum > 0 {
					return errRefused
				}
				return set(ctx, tx, name, 1)
			})
		}
		for range 20 {
			var first, second error
			var done sync.WaitGroup
			done.Go(func() { first = takeIfBothAreZero("a") })
			done.Go(func() { second = takeIfBothAreZero("b") })
			done.Wait()
			require.Equal(t, 1, value(t, db, "a")+value(t, db, "b"))
			require.ErrorIs(t, errors.Join(first, second), errRefused)
			require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				return errors.Join(set(ctx, tx, "a", 0), set(ctx, tx, "b", 0))
			}))
		}
	})
}

func TestPostgresRunsTheLoserOfARaceAgain(t *testing.T) {
	db := sqlstoretest.Open(t, sqlstoretest.Postgres(t), counters())
	attempts := 0
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		attempts++
		var before int
		if err := tx.QueryRowContext(ctx, `SELECT value FROM counter WHERE name = 'a'`).Scan(&before); err != nil {
			return err
		}
		if attempts == 1 {
			overtake := func(ctx context.Context, tx *sql.Tx) error { return set(ctx, tx, "a", 10) }
			if err := db.InTx(ctx, overtake); err != nil {
				return err
			}
		}
		return set(ctx, tx, "a", before+1)
	}))
	assert.Equal(t, 2, attempts)
	assert.Equal(t, 11, value(t, db, "a"))
}

// A row that did not exist when a transaction looked may exist when it
// inserts. It has lost a race then, and must look again.
func TestPostgresRunsTheLoserOfAnInsertAgain(t *testing.T) {
	db := sqlstoretest.Open(t, sqlstoretest.Postgres(t), counters())
	for round := range 20 {
		insertOnce := func(ctx context.Context, tx *sql.Tx) error {
			var found int
			err := tx.QueryRowContext(ctx, `SELECT value FROM counter WHERE name = $1`, name(round)).Scan(&found)
			if !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			_, err = tx.ExecContext(ctx, `INSERT INTO counter (name, value) VALUES ($1, 1)`, name(round))
			return err
		}
		errs := make([]error, 10)
		var done sync.WaitGroup
		for i := range errs {
			done.Go(func() { errs[i] = db.InTx(t.Context(), insertOnce) })
		}
		done.Wait()
		require.NoError(t, errors.Join(errs...))
	}
}

func name(round int) string { return "row " + string(rune('A'+round)) }

func TestAReaderNeitherWaitsForAWriterNorSeesItsWork(t *testing.T) {
	each(t, func(t *testing.T, db *sqlstore.DB) {
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			if err := set(ctx, tx, "a", 5); err != nil {
				return err
			}
			assert.Equal(t, 0, value(t, db, "a"))
			return nil
		}))
		assert.Equal(t, 5, value(t, db, "a"))
	})
}

func TestPingFailsAfterClose(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		db, err := sqlstore.Open(t.Context(), dsn, counters())
		require.NoError(t, err)
		require.NoError(t, db.Ping(t.Context()))
		require.NoError(t, db.Close())
		assert.Error(t, db.Ping(t.Context()))
	})
}
