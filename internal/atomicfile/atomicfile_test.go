package atomicfile_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/atomicfile"
	"orderflow/internal/filesystemtest"
)

func requireOnly(t *testing.T, path, content string, mode fs.FileMode) {
	t.Helper()
	found, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, content, string(found))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, mode, info.Mode().Perm())
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left beside it")
}

func TestReplaceTakesThePlaceOfWhatWasThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, atomicfile.Replace(path, []byte("first"), 0o600))
	requireOnly(t, path, "first", 0o600)
	require.NoError(t, atomicfile.Replace(path, []byte("second, and longer"), 0o644))
	requireOnly(t, path, "second, and longer", 0o644)
}

func TestCreateLeavesWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	created, err := atomicfile.Create(path, []byte("first"), 0o600)
	require.NoError(t, err)
	require.True(t, created)
	created, err = atomicfile.Create(path, []byte("second"), 0o644)
	require.NoError(t, err)
	require.False(t, created)
	requireOnly(t, path, "first", 0o600)
}

func TestOfManyThatCreateAtOnceOneWins(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	var winners atomic.Int32
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			created, err := atomicfile.Create(path, fmt.Appendf(nil, "the file of %d", i), 0o600)
			assert.NoError(t, err)
			if created {
				winners.Add(1)
			}
			content, err := os.ReadFile(path)
			assert.NoError(t, err)
			assert.Contains(t, string(content), "the file of ", "it is there, and whole, whoever made it")
		})
	}
	all.Wait()
	require.EqualValues(t, 1, winners.Load())
}

func TestReadersSeeTheOldOrTheNewContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	contents := []string{string(make([]byte, 1<<16)), "short"}
	require.NoError(t, atomicfile.Replace(path, []byte(contents[0]), 0o600))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 200 {
			assert.NoError(t, atomicfile.Replace(path, []byte(contents[i%2]), 0o600))
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, contents, string(content))
	}
}

// A full disk is the error that comes after the file was made.
func TestAfterAnErrorTheOldContentStays(t *testing.T) {
	folder := filesystemtest.Small(t, 1<<16)
	path := filepath.Join(folder, "key")
	require.NoError(t, atomicfile.Replace(path, []byte("first"), 0o600))
	large := make([]byte, 1<<20)
	require.Error(t, atomicfile.Replace(path, large, 0o600))
	_, err := atomicfile.Create(filepath.Join(folder, "another"), large, 0o600)
	require.Error(t, err)
	requireOnly(t, path, "first", 0o600)
}

func TestAFolderThatIsNotThereIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "key")
	require.ErrorIs(t, atomicfile.Replace(path, nil, 0o600), fs.ErrNotExist)
	_, err := atomicfile.Create(path, nil, 0o600)
	require.ErrorIs(t, err, fs.ErrNotExist)
}
