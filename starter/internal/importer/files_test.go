package importer_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/starter/internal/importer"
)

func TestFilesAreOpenedAllOrNone(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good.jsonl")
	require.NoError(t, os.WriteFile(good, []byte("{}\n\n{}\n"), 0o600))

	files, closeAll, err := importer.Open([]string{good, good})
	require.NoError(t, err)
	assert.Equal(t, 4, importer.TotalLines(files), "blank lines do not count")
	require.NoError(t, closeAll())

	missing := filepath.Join(dir, "missing.jsonl")
	_, _, err = importer.Open([]string{good, missing})
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.Contains(t, err.Error(), missing)

	_, _, err = importer.Open([]string{dir})
	require.ErrorContains(t, err, "is a folder")
}

func TestTheTotalIsUnknownWhenOneFileIs(t *testing.T) {
	assert.Equal(t, importer.UnknownTotal, importer.TotalLines([]importer.File{{Lines: 5}, {Lines: importer.UnknownTotal}}))
}
