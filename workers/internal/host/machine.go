package host

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/procfs"
	"go.temporal.io/sdk/worker"
)

// machine tells how busy the machine is, as Linux shows it in /proc. It does
// not know of a container's own limits.
type machine struct {
	proc procfs.FS

	mu          sync.Mutex
	looked      time.Time
	busy, total float64 // seconds of all CPUs when somebody looked
	share       float64 // busy then
}

var _ worker.SysInfoProvider = (*machine)(nil)

// lookAgain is how old the CPU's figure may become: over a shorter time it
// would be noise.
const lookAgain = 100 * time.Millisecond

// openMachine reads from the given mount of proc. An error means that this is
// no Linux.
func openMachine(mount string) (*machine, error) {
	proc, err := procfs.NewFS(mount)
	if err != nil {
		return nil, fmt.Errorf("reading how busy the machine is: %w", err)
	}
	m := &machine{proc: proc}
	if _, err := m.CpuUsage(nil); err != nil {
		return nil, err
	}
	if _, err := m.MemoryUsage(nil); err != nil {
		return nil, err
	}
	return m, nil
}

// MemoryUsage implements worker.SysInfoProvider: the share that nothing new can
// have.
func (m *machine) MemoryUsage(*worker.SysInfoContext) (float64, error) {
	memory, err := m.proc.Meminfo()
	if err != nil {
		return 0, fmt.Errorf("reading the memory in use: %w", err)
	}
	if memory.MemTotal == nil || memory.MemAvailable == nil || *memory.MemTotal == 0 {
		return 0, errors.New("reading the memory in use: the kernel does not say")
	}
	return 1 - float64(*memory.MemAvailable)/float64(*memory.MemTotal), nil
}

// CpuUsage implements worker.SysInfoProvider: the share since somebody looked
// before.
func (m *machine) CpuUsage(*worker.SysInfoContext) (float64, error) { //nolint:revive // the name is the interface's
	m.mu.Lock()
	defer m.mu.Unlock()
	if time.Since(m.looked) < lookAgain {
		return m.share, nil
	}
	stat, err := m.proc.Stat()
	if err != nil {
		return 0, fmt.Errorf("reading the CPU time in use: %w", err)
	}
	all := stat.CPUTotal
	busy := all.User + all.Nice + all.System + all.IRQ + all.SoftIRQ + all.Steal
	total := busy + all.Idle + all.Iowait
	if total > m.total {
		m.share = (busy - m.busy) / (total - m.total)
	}
	m.looked, m.busy, m.total = time.Now(), busy, total
	return m.share, nil
}
