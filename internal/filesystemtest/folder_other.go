//go:build !linux

package filesystemtest

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// Small skips the test: it needs Linux.
func Small(t testing.TB, _ int64) string {
	t.Helper()
	_, err := TrySmall(t, 0)
	t.Skipf("skipped: %v", err)
	return ""
}

// TrySmall is Small for a test that has more to do; it always fails here.
func TrySmall(testing.TB, int64) (folder string, err error) {
	return "", errors.New("needs Linux, to mount a file system")
}

// ReadOnly returns an empty folder in which nothing can be written.
func ReadOnly(t testing.TB) string {
	t.Helper()
	if os.Geteuid() == 0 {
		t.Skip("skipped: needs another user than root, who may write anywhere")
	}
	folder := t.TempDir()
	require.NoError(t, os.Chmod(folder, 0o500))
	return folder
}
