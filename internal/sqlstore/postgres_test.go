package sqlstore_test

import (
	"context"
	"database/sql"
	"net/url"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
)

// with is a PostgreSQL DSN with more parameters.
func with(t testing.TB, dsn, parameters string) string {
	t.Helper()
	address, err := url.Parse(dsn)
	require.NoError(t, err)
	address.RawQuery += "&" + parameters
	return address.String()
}

func TestPostgresConnectionsHaveTimeoutsThatTheDSNMayChange(t *testing.T) {
	dsn := sqlstoretest.Postgres(t)
	for name, test := range map[string]struct {
		parameters string
		want       []string
	}{
		"as they are": {"", []string{"30s", "10s", "30s"}},
		"one changed": {"lock_timeout=3s", []string{"30s", "3s", "30s"}},
		"none":        {"statement_timeout=0&lock_timeout=0&idle_in_transaction_session_timeout=0", []string{"0", "0", "0"}},
	} {
		t.Run(name, func(t *testing.T) {
			db := sqlstoretest.Open(t, with(t, dsn, test.parameters))
			got := make([]string, 3)
			require.NoError(t, db.Reader().QueryRowContext(t.Context(), `
				SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),
				       current_setting('idle_in_transaction_session_timeout')`).Scan(&got[0], &got[1], &got[2]))
			assert.Equal(t, test.want, got)
		})
	}
}

func TestAMigrationMayTakeLongerThanAStatement(t *testing.T) {
	slow := sqlstore.Schema{Name: "slow", Migrations: fstest.MapFS{
		"001_slow.sql": {Data: []byte("-- +goose Up\nSELECT pg_sleep(0.2);\n")},
	}}
	db := sqlstoretest.Open(t, with(t, sqlstoretest.Postgres(t), "statement_timeout=50"), slow)
	var ended *pgconn.PgError
	_, err := db.Reader().QueryContext(t.Context(), `SELECT pg_sleep(5)`) //nolint:rowserrcheck // it fails
	require.ErrorAs(t, err, &ended)
	assert.Equal(t, "57014", ended.Code, "but a statement of the service may not")
}

func TestTheDSNLimitsThePool(t *testing.T) {
	db := sqlstoretest.Open(t, with(t, sqlstoretest.Postgres(t), "pool_max_conns=1"), counters())
	write(t, db, func(ctx context.Context, _ *sql.Tx) error {
		ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		defer cancel()
		var found int
		err := db.Reader().QueryRowContext(ctx, `SELECT 1`).Scan(&found)
		assert.ErrorIs(t, err, context.DeadlineExceeded, "the only connection is in use")
		return nil
	})
}

// A duplicate may be a lost race, so it is tried again; but not for ever.
func TestADuplicateIsReturnedAfterAFewAttempts(t *testing.T) {
	each(t, func(t *testing.T, db *sqlstore.DB) {
		attempts := 0
		err := db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			attempts++
			_, err := tx.ExecContext(ctx, `INSERT INTO counter (name, value) VALUES ('a', 1)`)
			return err
		})
		require.Error(t, err)
		for _, fault := range []error{sqlstore.ErrFull, sqlstore.ErrLocked, sqlstore.ErrUnavailable, sqlstore.ErrOutcomeUnknown} {
			assert.NotErrorIs(t, err, fault)
		}
		assert.LessOrEqual(t, attempts, 3)
	})
}

// What the caller gives up is known not to be committed; what breaks in the
// middle of a commit is not known.
func TestAnUnknownOutcomeIsReportedOnlyWhereItIsUnknown(t *testing.T) {
	dsn := sqlstoretest.Postgres(t)
	sqlstoretest.Open(t, dsn, counters())
	for name, cut := range map[string]sqlstoretest.Cut{"committed": sqlstoretest.AnswerLost, "rolled back": sqlstoretest.CommitLost} {
		t.Run(name, func(t *testing.T) {
			proxied, arm := sqlstoretest.CutCommit(t, dsn, cut)
			db := sqlstoretest.Open(t, proxied)
			before := value(t, db, "a")

			ctx, cancel := context.WithCancel(t.Context())
			err := db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
				cancel()
				return nil
			})
			require.Error(t, err)
			assert.NotErrorIs(t, err, sqlstore.ErrOutcomeUnknown)
			require.Equal(t, before, value(t, db, "a"))

			arm()
			attempts := 0
			require.ErrorIs(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				attempts++
				return incrementA(ctx, tx)
			}), sqlstore.ErrOutcomeUnknown)
			assert.Equal(t, 1, attempts, "only who has a fence may try again")
			if cut == sqlstoretest.AnswerLost {
				before++
			}
			assert.Equal(t, before, value(t, db, "a"))
			write(t, db, incrementA)
		})
	}
}
