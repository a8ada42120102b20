//go:build !linux

package filesystemtest

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// Small skips the test: it needs Linux.
func Small(t testing.TB, _ int64) string {
	t.Helper()
	t.Skip("skipped: needs Linux, to mount a file system")
	return ""
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
