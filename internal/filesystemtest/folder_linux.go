package filesystemtest

import (
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Small returns an empty folder on a disk of its own, of so many bytes. Only
// root may mount one.
func Small(t testing.TB, bytes int64) string {
	t.Helper()
	folder := t.TempDir()
	mount(t, folder, 0, fmt.Sprintf("size=%d", bytes))
	return folder
}

// ReadOnly returns an empty folder in which nothing can be written.
func ReadOnly(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	if os.Geteuid() == 0 {
		mount(t, folder, syscall.MS_RDONLY, "")
		return folder
	}
	require.NoError(t, os.Chmod(folder, 0o500))
	return folder
}

func mount(t testing.TB, folder string, flags uintptr, options string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("skipped: needs root, to mount a file system")
	}
	if err := syscall.Mount("tmpfs", folder, "tmpfs", flags, options); err != nil {
		t.Skipf("skipped: needs the right to mount a file system: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(folder, syscall.MNT_DETACH)) })
}
