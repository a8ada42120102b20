package sqlstore_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
)

// Every write moves one unit from a to b, so that a copy of half a transaction
// or of two moments is seen.
func TestABackupDuringWritesHoldsOneMoment(t *testing.T) {
	dsn := sqlstoretest.SQLite(t)
	db := sqlstoretest.Open(t, dsn, counters())
	write(t, db, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 20000)
			INSERT INTO counter (name, value) SELECT 'row ' || n, 0 FROM number`)
		return err
	})
	ctx, stop := context.WithCancel(t.Context())
	written := make(chan int, 1)
	go func() {
		count := 0
		for ctx.Err() == nil {
			err := db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				_, err := tx.ExecContext(ctx, `UPDATE counter SET value = value + CASE name WHEN 'a' THEN -1 ELSE 1 END WHERE name IN ('a', 'b')`)
				return err
			})
			if !assert.NoError(t, err) {
				break
			}
			count++
		}
		written <- count
	}()
	folder := t.TempDir()
	var copies []string
	for _, name := range []string{"first.db", "second copy #2.db", "third.db"} {
		copies = append(copies, filepath.Join(folder, name))
		require.NoError(t, db.Backup(t.Context(), copies[len(copies)-1]))
	}
	stop()
	assert.Positive(t, <-written, "writes went on")

	found, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Len(t, found, len(copies), "nothing else is left")
	for _, path := range copies {
		restored := sqlstoretest.Open(t, "sqlite:"+path, counters())
		var rows, sum int
		require.NoError(t, restored.Reader().QueryRowContext(t.Context(), `SELECT COUNT(*), SUM(value) FROM counter`).Scan(&rows, &sum))
		assert.Equal(t, 20002, rows)
		assert.Zero(t, sum)
	}
}

func TestABackupNeverOverwrites(t *testing.T) {
	db := sqlstoretest.Open(t, sqlstoretest.SQLite(t), counters())
	path := filepath.Join(t.TempDir(), "precious")
	for _, content := range []string{"precious", ""} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		require.ErrorIs(t, db.Backup(t.Context(), path), os.ErrExist)
		kept, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, content, string(kept))
	}
	found, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, found, 1, "nothing else is left")
}

func TestABackupThatIsCutOffLeavesNothing(t *testing.T) {
	db := sqlstoretest.Open(t, sqlstoretest.SQLite(t), counters())
	folder := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, db.Backup(ctx, filepath.Join(folder, "copy.db")), context.Canceled)
	found, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, found)
}

func TestABackupThatFailsSaysWhy(t *testing.T) {
	dsn := sqlstoretest.SQLite(t)
	db := sqlstoretest.Open(t, dsn, counters())
	require.ErrorIs(t, db.Backup(t.Context(), filepath.Join(t.TempDir(), "no", "such", "copy.db")), os.ErrNotExist)

	require.NoError(t, os.Rename(fileOf(dsn), fileOf(dsn)+".away"))
	require.ErrorIs(t, db.Backup(t.Context(), filepath.Join(t.TempDir(), "copy.db")), sqlstore.ErrUnavailable)
}

func TestPostgresIsNotBackedUpHere(t *testing.T) {
	db := sqlstoretest.Open(t, sqlstoretest.Postgres(t))
	require.ErrorIs(t, db.Backup(t.Context(), filepath.Join(t.TempDir(), "copy.db")), sqlstore.ErrNoBackup)
}
