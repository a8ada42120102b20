//go:build unix

package supervisor_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/supervisor"
)

func TestAProcessThatIsKeptDownComesBackWhenItMay(t *testing.T) {
	dir := t.TempDir()
	s := start(t, supervisor.Options{Restart: supervisor.Backoff{Min: time.Millisecond}},
		child(dir, "consul", "serve"), child(dir, "payment", "serve", "consul"))
	dependent, err := s.Pid("payment")
	require.NoError(t, err)

	bringUp, err := s.KeepDown("consul")
	require.NoError(t, err)
	_, err = s.KeepDown("consul")
	require.ErrorIs(t, err, supervisor.ErrNotRunning)
	// Something else has the time to be started again twice.
	for range 2 {
		require.NoError(t, s.Kill("payment"))
		require.NoError(t, s.WaitReady(t.Context(), "payment"))
	}
	_, err = s.Pid("consul")
	require.ErrorIs(t, err, supervisor.ErrNotRunning)

	bringUp()
	bringUp()
	require.NoError(t, s.WaitReady(t.Context(), "consul"))
	assert.Equal(t, 1, s.Restarts("consul"))
	assert.True(t, gone(dependent))
}

func TestStopDoesNotWaitForWhatIsKeptDown(t *testing.T) {
	dir := t.TempDir()
	s := start(t, supervisor.Options{Restart: supervisor.Backoff{Min: time.Millisecond}}, child(dir, "consul", "serve"))
	_, err := s.KeepDown("payment")
	require.ErrorIs(t, err, supervisor.ErrUnknown)
	bringUp, err := s.KeepDown("consul")
	require.NoError(t, err)
	require.NoError(t, s.Stop())
	bringUp()
	_, err = s.Pid("consul")
	require.ErrorIs(t, err, supervisor.ErrNotRunning)
}
