package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/filesystemtest"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
)

const createCounter = `-- +goose Up
CREATE TABLE counter (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
INSERT INTO counter (name, value) VALUES ('a', 0), ('b', 0);
`

// counters is a schema of two rows, a and b, with the value 0.
func counters() sqlstore.Schema {
	return sqlstore.Schema{Name: "counters", Migrations: fstest.MapFS{
		"001_counter.sql": {Data: []byte(createCounter)},
	}}
}

// newerCounters is what a later version of the program brings.
func newerCounters() sqlstore.Schema {
	return sqlstore.Schema{Name: "counters", Migrations: fstest.MapFS{
		"001_counter.sql": {Data: []byte(createCounter)},
		"002_step.sql":    {Data: []byte("-- +goose Up\nUPDATE counter SET value = value + 1 WHERE name = 'b';\n")},
	}}
}

// journal is a second schema in the same database.
func journal() sqlstore.Schema {
	return sqlstore.Schema{Name: "journal", Migrations: fstest.MapFS{
		"001_journal.sql": {Data: []byte("-- +goose Up\nCREATE TABLE journal (position BIGINT PRIMARY KEY);\n")},
	}}
}

func value(t testing.TB, db *sqlstore.DB, name string) int {
	t.Helper()
	var found int
	require.NoError(t, db.Reader().QueryRowContext(t.Context(), `SELECT value FROM counter WHERE name = $1`, name).Scan(&found))
	return found
}

func set(ctx context.Context, tx *sql.Tx, name string, to int) error {
	_, err := tx.ExecContext(ctx, `UPDATE counter SET value = $2 WHERE name = $1`, name, to)
	return err
}

func TestOpenAgainKeepsTheData(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		first, err := sqlstore.Open(t.Context(), dsn, counters())
		require.NoError(t, err)
		require.NoError(t, first.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error { return set(ctx, tx, "a", 7) }))
		require.NoError(t, first.Close())

		second := sqlstoretest.Open(t, dsn, newerCounters())
		assert.Equal(t, 7, value(t, second, "a"))
	})
}

func TestOpenRefusesDataOfANewerProgramInOneLine(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		newer, err := sqlstore.Open(t.Context(), dsn, newerCounters())
		require.NoError(t, err)
		require.NoError(t, newer.Close())

		_, err = sqlstore.Open(t.Context(), dsn, counters())
		require.ErrorIs(t, err, sqlstore.ErrNewerSchema)
		assert.Contains(t, err.Error(), "schema counters is at version 2, this program knows 1")
		assert.NotContains(t, err.Error(), "\n")
	})
}

// Instances of a scaled service start together, on a database that none has
// seen. Each migration must be applied once.
func TestOpenAtTheSameMoment(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		errs := make([]error, 8)
		var opened sync.WaitGroup
		for i := range errs {
			opened.Go(func() {
				db, err := sqlstore.Open(t.Context(), dsn, newerCounters(), journal())
				if err == nil {
					err = db.Close()
				}
				errs[i] = err
			})
		}
		opened.Wait()
		for _, err := range errs {
			assert.NoError(t, err)
		}
		assert.Equal(t, 1, value(t, sqlstoretest.Open(t, dsn), "b"))
	})
}

func TestOpenSQLiteAtAnyPath(t *testing.T) {
	folder := t.TempDir()
	t.Chdir(folder)
	for dsn, file := range map[string]string{
		"sqlite:plain.db":                         "plain.db",
		"sqlite:./new folder/with space.db":       "new folder/with space.db",
		"sqlite:percent%20sign.db":                "percent%20sign.db",
		"sqlite:hash#and;semicolon&.db":           "hash#and;semicolon&.db",
		"sqlite:größe.db":                         "größe.db",
		"sqlite:" + folder + "/absolute.db":       "absolute.db",
		"sqlite://" + folder + "/with-slashes.db": "with-slashes.db",
		"sqlite:///" + folder + "/doubled.db":     "doubled.db",
	} {
		t.Run(file, func(t *testing.T) {
			db := sqlstoretest.Open(t, dsn, counters())
			assert.FileExists(t, filepath.Join(folder, file))
			assert.Equal(t, 0, value(t, db, "a"))
		})
	}
}

func TestOpenSaysInOneLineWhatIsWrong(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "notes.txt")
	require.NoError(t, os.WriteFile(text, []byte(strings.Repeat("not a database\n", 100)), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(folder, "folder.db"), 0o700))

	for name, test := range map[string]struct{ dsn, says string }{
		"a folder that cannot be made": {"sqlite:" + text + "/x.db", text},
		"a folder in place of a file":  {"sqlite:" + folder + "/folder.db", folder + "/folder.db"},
		"a file of another kind":       {"sqlite:" + text, text},
		"no server":                    {"postgres://ada:secret@127.0.0.1:1/shop", "127.0.0.1:1/shop"},
		"no such socket":               {"postgres://ada:secret@/shop?host=" + folder, folder},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sqlstore.Open(t.Context(), test.dsn, counters())
			require.Error(t, err)
			assert.Contains(t, err.Error(), test.says)
			assert.NotContains(t, err.Error(), "\n")
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestOpenRefusesAnUnwritableFolder(t *testing.T) {
	folder := filesystemtest.ReadOnly(t)
	_, err := sqlstore.Open(t.Context(), "sqlite:"+folder+"/x.db", counters())
	require.Error(t, err)
	assert.Contains(t, err.Error(), folder)
	assert.NotContains(t, err.Error(), "\n")
}

func TestOpenRefusesATextThatIsNoDSN(t *testing.T) {
	_, err := sqlstore.Open(t.Context(), "mysql://localhost/shop")
	require.ErrorIs(t, err, sqlstore.ErrBadDSN)
}

// Pragmas belong to a connection, so each connection of the pool must have
// its own.
func TestEverySQLiteConnectionHasItsPragmas(t *testing.T) {
	db := sqlstoretest.Open(t, sqlstoretest.SQLite(t), counters())
	for i := range 8 {
		// An open result keeps its connection, so that the next query of this
		// loop gets another one.
		rows, err := db.Reader().QueryContext(t.Context(), `
			SELECT (SELECT journal_mode FROM pragma_journal_mode), (SELECT synchronous FROM pragma_synchronous),
			       (SELECT timeout FROM pragma_busy_timeout), (SELECT foreign_keys FROM pragma_foreign_keys)
			UNION ALL SELECT '', 0, 0, 0`)
		require.NoError(t, err)
		defer func() { require.NoError(t, rows.Close()) }()
		require.True(t, rows.Next())
		var journal string
		var synchronous, timeout, foreignKeys int
		require.NoError(t, rows.Scan(&journal, &synchronous, &timeout, &foreignKeys))
		require.NoError(t, rows.Err())
		const full = 2
		assert.Equal(t, fmt.Sprint("wal", full, 5000, 1), fmt.Sprint(journal, synchronous, timeout, foreignKeys), "connection %d", i)
	}
}

func TestTheReaderOfSQLiteCannotWrite(t *testing.T) {
	db := sqlstoretest.Open(t, sqlstoretest.SQLite(t), counters())
	var name string
	err := db.Reader().QueryRowContext(t.Context(), `INSERT INTO counter (name, value) VALUES ('c', 1) RETURNING name`).Scan(&name)
	require.ErrorContains(t, err, "readonly")
}
