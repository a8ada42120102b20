//go:build unix

package apikey_test

import (
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/apikey"
)

func TestAChangeByRootKeepsTheOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("skipped: needs root, who may give files away")
	}
	path := keysFile(t)
	create(t, path, "partner-7")
	require.NoError(t, os.Chown(path, 1234, 5678))
	_, _, err := apikey.Create(t.Context(), path, "partner-8", nil, time.Time{}, noon)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	owner, known := info.Sys().(*syscall.Stat_t)
	require.True(t, known)
	assert.Equal(t, []uint32{1234, 5678}, []uint32{owner.Uid, owner.Gid})
}
