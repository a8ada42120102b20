package filelock_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/filelock"
)

func TestTryRefusesWhatIsHeldAndNamesTheHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")

	first, err := filelock.Try(path)
	require.NoError(t, err)
	_, err = filelock.Try(path)
	require.ErrorIs(t, err, filelock.ErrHeld)
	assert.Equal(t, os.Getpid(), filelock.Holder(path))

	require.NoError(t, first.Release())
	second, err := filelock.Try(path)
	require.NoError(t, err, "a released lock is free")
	require.NoError(t, second.Release())
}

func TestAcquireWaitsForTheHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := filelock.Try(path)
	require.NoError(t, err)

	second, err := filelock.Acquire(t.Context(), path, func() {
		assert.NoError(t, first.Release())
	})
	require.NoError(t, err)
	require.NoError(t, second.Release())
}

func TestAcquireGivesUpWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := filelock.Try(path)
	require.NoError(t, err)
	defer func() { assert.NoError(t, held.Release()) }()

	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err = filelock.Acquire(ctx, path, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestHolderOfNoLockIsUnknown(t *testing.T) {
	assert.Zero(t, filelock.Holder(filepath.Join(t.TempDir(), "none")))
}
