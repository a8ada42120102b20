package host

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// tell writes what the kernel says: ticks of a hundredth of a second, and KiB.
func tell(t *testing.T, proc, cpu string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(proc, "stat"), []byte("cpu  "+cpu+"\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(proc, "meminfo"), []byte("MemTotal: 1000 kB\nMemAvailable: 250 kB\n"), 0o600))
}

func TestAMachineIsAsBusyAsSinceTheLastLook(t *testing.T) {
	proc := t.TempDir()
	tell(t, proc, "100 100 100 600 100 0 0 0 0 0")
	m, err := openMachine(proc)
	require.NoError(t, err)
	memory, err := m.MemoryUsage(nil)
	require.NoError(t, err)
	require.InDelta(t, 0.75, memory, 1e-9)
	cpu, err := m.CpuUsage(nil)
	require.NoError(t, err)
	require.InDelta(t, 0.3, cpu, 1e-9)

	tell(t, proc, "400 100 100 700 100 0 0 0 0 0")
	soon, err := m.CpuUsage(nil)
	require.NoError(t, err)
	require.InDelta(t, 0.3, soon, 1e-9, "too soon to say")
	m.looked = time.Time{}
	cpu, err = m.CpuUsage(nil)
	require.NoError(t, err)
	require.InDelta(t, 0.75, cpu, 1e-9)
}

func TestWithoutProcNothingIsKnownOfTheMachine(t *testing.T) {
	_, err := openMachine(filepath.Join(t.TempDir(), "missing"))
	require.ErrorContains(t, err, "how busy the machine is")
	_, err = openMachine(t.TempDir())
	require.Error(t, err)
}
