package supervisor_test

import (
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestKilledSupervisorLeavesNoProcess(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childMode+"=supervise", childDir+"="+t.TempDir())
	var children []int
	for _, line := range firstLines(t, cmd, 2) {
		pid, err := strconv.Atoi(line)
		require.NoError(t, err)
		assert.False(t, gone(pid))
		children = append(children, pid)
	}

	require.NoError(t, cmd.Process.Kill())
	require.Error(t, cmd.Wait())
	for _, pid := range children {
		require.Eventually(t, func() bool { return gone(pid) }, 10*time.Second, time.Millisecond,
			"process %d outlived its supervisor", pid)
	}
}
