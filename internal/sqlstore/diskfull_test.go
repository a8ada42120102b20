package sqlstore_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/filesystemtest"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
)

// fillRow is a write of a few hundred kilobytes, in two statements.
func fillRow(ctx context.Context, tx *sql.Tx) error {
	if err := increment(ctx, tx, "a"); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO counter (name, value) VALUES ('large', zeroblob(400000))`)
	return err
}

func TestAFullDiskIsReportedAndLeavesNothingHalfWritten(t *testing.T) {
	folder := filesystemtest.Small(t, 1<<20)
	path := filepath.Join(folder, "test.db")
	db := sqlstoretest.Open(t, "sqlite:"+path, counters())
	write(t, db, incrementA)

	ballast := filepath.Join(folder, "ballast")
	require.ErrorIs(t, os.WriteFile(ballast, make([]byte, 1<<20), 0o600), syscall.ENOSPC)
	for range 3 {
		require.ErrorIs(t, db.InTx(t.Context(), fillRow), sqlstore.ErrFull)
		assert.Equal(t, 1, value(t, db, "a"))
	}
	assert.Equal(t, []string{"a", "b"}, names(t, db.Reader()))
	require.ErrorIs(t, db.Backup(t.Context(), filepath.Join(folder, "copy.db")), sqlstore.ErrFull)
	assert.NoFileExists(t, filepath.Join(folder, "copy.db"))

	require.NoError(t, os.Remove(ballast))
	write(t, db, fillRow)
	assert.Equal(t, 2, value(t, db, "a"))
	requireSound(t, path)
}
