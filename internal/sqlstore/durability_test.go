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

// What each transaction's commit waits for is asked of the database itself,
// from within the transaction.
func TestOnlyAnAsyncCommitDoesNotWaitForTheDisk(t *testing.T) {
	sqlstoretest.Each(t, []sqlstore.Schema{counters()}, func(t *testing.T, db *sqlstore.DB) {
		question, usual, async, interim := `PRAGMA synchronous`, "2", "1", "1"
		if db.Dialect() == sqlstore.Postgres {
			question, async = `SHOW synchronous_commit`, "off"
			require.NoError(t, db.Reader().QueryRowContext(t.Context(), question).Scan(&usual))
			interim = usual
		}
		var told string
		ask := func(ctx context.Context, tx *sql.Tx) error {
			return errors.Join(tx.QueryRowContext(ctx, question).Scan(&told), increment(ctx, tx, "a"))
		}
		refused := errors.New("refused")
		for round := range 3 {
			require.NoError(t, db.InTx(t.Context(), ask))
			assert.Equal(t, usual, told, "round %d", round)

			require.NoError(t, db.InTxAsyncCommit(t.Context(), ask))
			assert.Equal(t, async, told, "round %d", round)

			require.NoError(t, db.InTxInterim(t.Context(), ask))
			assert.Equal(t, interim, told, "round %d", round)

			err := db.InTxAsyncCommit(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				return errors.Join(ask(ctx, tx), refused)
			})
			require.ErrorIs(t, err, refused)
		}
		assert.Equal(t, 9, value(t, db, "a"))
	})
}

// A caller that has gone away must not leave the connection in doubt about how
// it commits.
func TestACommitAfterACancelledAsyncOneWaitsForTheDisk(t *testing.T) {
	db := sqlstoretest.Open(t, sqlstoretest.SQLite(t), counters())
	gone, leave := context.WithCancel(t.Context())
	require.ErrorIs(t, db.InTxAsyncCommit(gone, func(ctx context.Context, tx *sql.Tx) error {
		leave()
		return increment(ctx, tx, "a")
	}), context.Canceled)
	require.Error(t, db.InTxAsyncCommit(gone, func(ctx context.Context, tx *sql.Tx) error { return increment(ctx, tx, "a") }))
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		var synchronous int
		require.NoError(t, tx.QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&synchronous))
		assert.Equal(t, 2, synchronous)
		return nil
	}))
	assert.Zero(t, value(t, db, "a"))
}
