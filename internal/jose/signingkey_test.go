package jose_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/jose"
)

// Operators paste them: one that began with a hyphen would be taken for a flag.
func TestIDsOfSigningKeysAreHexadecimalDigits(t *testing.T) {
	folder := t.TempDir()
	keyFile, setFile := filepath.Join(folder, "key.json"), filepath.Join(folder, "set.json")
	key, _, err := jose.OpenSigningKey(keyFile, setFile)
	require.NoError(t, err)

	assert.Regexp(t, `^[0-9a-f]{64}$`, key.ID())
	ids, err := jose.PublicKeyIDs(setFile)
	require.NoError(t, err)
	assert.Equal(t, []string{key.ID()}, ids)
}
