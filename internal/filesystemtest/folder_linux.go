package filesystemtest

import (
	"errors"
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
	folder, err := TrySmall(t, bytes)
	if err != nil {
		t.Skipf("skipped: %v", err)
	}
	return folder
}

// TrySmall is Small for a test that has more to do where the machine does not
// let it mount; the error says why.
func TrySmall(t testing.TB, bytes int64) (folder string, err error) {
	t.Helper()
	folder = t.TempDir()
	return folder, mount(t, folder, 0, fmt.Sprintf("size=%d", bytes))
}

// ReadOnly returns an empty folder in which nothing can be written.
func ReadOnly(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	if os.Geteuid() == 0 {
		if err := mount(t, folder, syscall.MS_RDONLY, ""); err != nil {
			t.Skipf("skipped: %v", err)
		}
		return folder
	}
	require.NoError(t, os.Chmod(folder, 0o500))
	return folder
}

func mount(t testing.TB, folder string, flags uintptr, options string) error {
	t.Helper()
	if os.Geteuid() != 0 {
		return errors.New("needs root, to mount a file system")
	}
	if err := syscall.Mount("tmpfs", folder, "tmpfs", flags, options); err != nil {
		return fmt.Errorf("needs the right to mount a file system: %w", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(folder, syscall.MNT_DETACH)) })
	return nil
}
