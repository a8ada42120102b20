package sqlstore_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
)

// write runs fn in a transaction that must succeed.
func write(t testing.TB, db *sqlstore.DB, fn func(ctx context.Context, tx *sql.Tx) error) {
	t.Helper()
	require.NoError(t, db.InTx(t.Context(), fn))
}

// names reads all names with one and the same text.
func names(t testing.TB, q sqlstore.Queryer) []string {
	t.Helper()
	rows, err := q.QueryContext(t.Context(), `SELECT name FROM counter ORDER BY name`)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	var found []string
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		found = append(found, name)
	}
	require.NoError(t, rows.Err())
	return found
}

func TestAStatementRunsAgainAndAgain(t *testing.T) {
	each(t, func(t *testing.T, db *sqlstore.DB) {
		for round := range 5 {
			write(t, db, func(ctx context.Context, tx *sql.Tx) error { return set(ctx, tx, "a", round) })
			assert.Equal(t, round, value(t, db, "a"))
			assert.Equal(t, []string{"a", "b"}, names(t, db.Reader()))
		}
	})
}

// While its rows are open, a statement cannot begin again from the start.
func TestOneTextMayBeReadWhileItsRowsAreOpen(t *testing.T) {
	db := sqlstoretest.Open(t, sqlstoretest.SQLite(t), counters())
	for range 3 {
		write(t, db, func(ctx context.Context, tx *sql.Tx) error {
			outer, err := tx.QueryContext(ctx, `SELECT name FROM counter ORDER BY name`)
			require.NoError(t, err)
			defer func() { require.NoError(t, outer.Close()) }()
			for _, want := range []string{"a", "b"} {
				require.True(t, outer.Next())
				var name string
				require.NoError(t, outer.Scan(&name))
				assert.Equal(t, want, name)
				assert.Equal(t, []string{"a", "b"}, names(t, tx))
			}
			assert.False(t, outer.Next())
			return outer.Err()
		})
	}
}

// A statement whose rows were not read to the end would lock its table, and
// would go on from there.
func TestRowsThatAreLeftHoldNothing(t *testing.T) {
	db := sqlstoretest.Open(t, sqlstoretest.SQLite(t), counters())
	write(t, db, func(ctx context.Context, tx *sql.Tx) error {
		for range 2 {
			var first string
			if err := tx.QueryRowContext(ctx, `SELECT name FROM counter ORDER BY name`).Scan(&first); err != nil {
				return err
			}
			assert.Equal(t, "a", first)
		}
		_, err := tx.ExecContext(ctx, `DROP TABLE counter`)
		return err
	})
}

func TestAnArgumentIsOfOneUseOnly(t *testing.T) {
	db := sqlstoretest.Open(t, sqlstoretest.SQLite(t), counters())
	for _, argument := range []any{"text", nil, int64(7), nil, ""} {
		var got any
		require.NoError(t, db.Reader().QueryRowContext(t.Context(), `SELECT $1`, argument).Scan(&got))
		assert.Equal(t, argument, got)
	}
	var got string
	assert.Error(t, db.Reader().QueryRowContext(t.Context(), `SELECT $1`).Scan(&got), "an argument is missing")
}

// A second process, or a migration of this one, may change the tables under a
// statement that is prepared already.
func TestAPreparedStatementSeesAChangedTable(t *testing.T) {
	dsn := sqlstoretest.SQLite(t)
	old, changing := sqlstoretest.Open(t, dsn, counters()), sqlstoretest.Open(t, dsn, counters())
	columns := func() []string {
		rows, err := old.Reader().QueryContext(t.Context(), `SELECT * FROM counter WHERE name = 'a'`)
		require.NoError(t, err)
		defer func() { require.NoError(t, rows.Close()) }()
		require.True(t, rows.Next())
		found, err := rows.Columns()
		require.NoError(t, err)
		require.False(t, rows.Next())
		require.NoError(t, rows.Err())
		return found
	}
	insert := func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO counter (name, value) VALUES ('c', 1)`)
		return errors.Join(err, func() error { _, err := tx.ExecContext(ctx, `DELETE FROM counter WHERE name = 'c'`); return err }())
	}
	write(t, old, insert)
	assert.Equal(t, []string{"name", "value"}, columns())

	write(t, changing, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `ALTER TABLE counter ADD COLUMN unit TEXT NOT NULL DEFAULT 'piece'`)
		return err
	})
	assert.Equal(t, []string{"name", "value", "unit"}, columns())
	write(t, old, insert)

	write(t, changing, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DROP TABLE counter`)
		return err
	})
	require.ErrorContains(t, old.InTx(t.Context(), insert), "no such table")
}

// Most pragmas take effect while they are prepared. SQLite prepares them again
// each time they run; otherwise one that is kept would do nothing.
func TestAPragmaTakesEffectEachTime(t *testing.T) {
	db := sqlstoretest.Open(t, sqlstoretest.SQLite(t), counters())
	write(t, db, func(ctx context.Context, tx *sql.Tx) error {
		for _, want := range []string{"10", "20", "10", "5000"} {
			_, err := tx.ExecContext(ctx, "PRAGMA busy_timeout("+want+")")
			require.NoError(t, err)
			var got string
			require.NoError(t, tx.QueryRowContext(ctx, `SELECT timeout FROM pragma_busy_timeout`).Scan(&got))
			assert.Equal(t, want, got)
		}
		return nil
	})
}

func TestAStatementThatFailedWorksAgain(t *testing.T) {
	each(t, func(t *testing.T, db *sqlstore.DB) {
		insert := func(name string) error {
			return db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, `INSERT INTO counter (name, value) VALUES ($1, 0)`, name)
				return err
			})
		}
		require.NoError(t, insert("c"))
		require.Error(t, insert("a"), "it is there")
		require.NoError(t, insert("d"))
		assert.Equal(t, []string{"a", "b", "c", "d"}, names(t, db.Reader()))
	})
}

func TestAStatementThatWasCutOffWorksAgain(t *testing.T) {
	db := sqlstoretest.Open(t, sqlstoretest.SQLite(t), counters())
	count := func(ctx context.Context, to int) (found int, err error) {
		err = db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			return tx.QueryRowContext(ctx, `
				WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < $1)
				SELECT COUNT(*) FROM number`, to).Scan(&found)
		})
		return found, err
	}
	_, err := count(t.Context(), 10)
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := count(ctx, 1<<40)
		ended <- err
	}()
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)

	found, err := count(t.Context(), 20)
	require.NoError(t, err)
	assert.Equal(t, 20, found)
	assert.Equal(t, 0, value(t, db, "a"))
}
