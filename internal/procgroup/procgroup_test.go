//go:build unix

package procgroup_test

import (
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"orderflow/internal/procgroup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wait returns the signal that has ended the command.
func wait(t *testing.T, cmd *exec.Cmd) syscall.Signal {
	t.Helper()
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
	return exit.Sys().(syscall.WaitStatus).Signal()
}

func TestChildLeadsAGroupThatASignalReaches(t *testing.T) {
	starter := procgroup.NewStarter()
	defer starter.Close()
	cmd := exec.CommandContext(t.Context(), "sleep", "3600")
	require.NoError(t, starter.Start(cmd))
	group, err := syscall.Getpgid(cmd.Process.Pid)
	require.NoError(t, err)
	assert.Equal(t, cmd.Process.Pid, group)

	require.NoError(t, procgroup.Signal(cmd.Process.Pid, syscall.SIGSTOP))
	require.NoError(t, procgroup.Terminate(cmd.Process.Pid), "a stopped process is continued")
	assert.Equal(t, syscall.SIGTERM, wait(t, cmd))
	require.NoError(t, procgroup.Kill(cmd.Process.Pid), "a group that has ended is no error")
}

func TestSignalNeverReachesOtherGroups(t *testing.T) {
	for _, pid := range []int{-1, 0, 1} {
		require.ErrorIs(t, procgroup.Signal(pid, syscall.SIGCONT), syscall.EINVAL)
	}
}

func TestClosedStarterStartsNothing(t *testing.T) {
	starter := procgroup.NewStarter()
	starter.Close()
	starter.Close()
	require.ErrorIs(t, starter.Start(exec.CommandContext(t.Context(), "sleep", "0")), procgroup.ErrClosed)
}

func TestProgramThatIsNotThereIsAnError(t *testing.T) {
	starter := procgroup.NewStarter()
	defer starter.Close()
	require.ErrorIs(t, starter.Start(exec.CommandContext(t.Context(), "/no/such/program")), syscall.ENOENT)
}
