package chaos

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAPointIsReachedWhenAProcessSaysSo(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "payment.log")
	file, err := os.Create(path)
	require.NoError(t, err)
	defer func() { _ = file.Close() }()
	say := func(point, end string) {
		line, err := json.Marshal(map[string]any{"msg": "fail point reached", "failPoint": point})
		require.NoError(t, err)
		_, err = file.WriteString(string(line) + end)
		require.NoError(t, err)
	}
	points := NewPointLog(folder)
	say("commit#1=kill@point-1", "\n")
	say("after=drop@point-2", "") // the line is not whole yet
	assert.True(t, points.has("point-1"))
	assert.False(t, points.has("point-2"))
	_, err = file.WriteString("\nnoise\n")
	require.NoError(t, err)
	assert.True(t, points.ReachedBefore("point-2"))

	require.NoError(t, os.WriteFile(path, nil, 0o600)) // set aside
	_, err = file.Seek(0, 0)
	require.NoError(t, err)
	assert.False(t, points.has("point-3"))
	say("before=panic@point-3", "\n")
	assert.True(t, points.has("point-3"))
	assert.True(t, points.has("point-1"), "what was said is not forgotten")
}
