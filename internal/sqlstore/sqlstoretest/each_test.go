package sqlstoretest_test

import (
	"context"
	"database/sql"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
)

func notes() []sqlstore.Schema {
	return []sqlstore.Schema{{Name: "notes", Migrations: fstest.MapFS{
		"001_notes.sql": {Data: []byte("-- +goose Up\nCREATE TABLE notes (id TEXT PRIMARY KEY);\n")},
	}}}
}

func TestEachGivesEveryTestAnEmptyDatabase(t *testing.T) {
	var seen []sqlstore.Dialect
	for range 2 {
		sqlstoretest.Each(t, notes(), func(t *testing.T, db *sqlstore.DB) {
			seen = append(seen, db.Dialect())
			var count int
			require.NoError(t, db.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM notes`).Scan(&count))
			assert.Zero(t, count)
			require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, `INSERT INTO notes (id) VALUES ($1)`, "left behind")
				return err
			}))
		})
	}
	assert.Contains(t, seen, sqlstore.SQLite)
}

func TestEachDSNNamesADatabaseThatCanBeOpenedAgain(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		for range 2 {
			db, err := sqlstore.Open(t.Context(), dsn, notes()...)
			require.NoError(t, err)
			require.NoError(t, db.Close())
		}
	})
}
