package devstack_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/internal/devstack"
	"orderflow/internal/sqlstore"
)

func TestABackupHoldsEveryServicesDatabase(t *testing.T) {
	data, to := t.TempDir(), filepath.Join(t.TempDir(), "backups", "monday")
	for _, service := range []string{"order", "payment"} {
		db, err := sqlstore.Open(t.Context(), "sqlite:"+filepath.Join(data, service+".db"))
		require.NoError(t, err)
		// It stays open, as that of a running service does.
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "CREATE TABLE told (what TEXT)")
			return err
		}))
	}
	copied, err := devstack.Backup(t.Context(), data, to)
	require.NoError(t, err)
	require.Equal(t, []string{"order", "payment"}, copied)
	for _, service := range copied {
		db, err := sqlstore.Open(t.Context(), "sqlite:"+filepath.Join(to, service+".db"))
		require.NoError(t, err)
		var rows int
		require.NoError(t, db.Reader().QueryRowContext(t.Context(), "SELECT count(*) FROM told").Scan(&rows))
		require.NoError(t, db.Close())
	}

	_, err = devstack.Backup(t.Context(), data, to)
	require.ErrorIs(t, err, os.ErrExist, "a backup never overwrites")
}

func TestABackupOfNothingIsAnErrorAndLeavesNothing(t *testing.T) {
	to := filepath.Join(t.TempDir(), "in", "a", "backup")
	_, err := devstack.Backup(t.Context(), t.TempDir(), to)
	require.ErrorContains(t, err, "no service's database")
	require.NoDirExists(t, to)
}
