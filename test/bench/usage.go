package bench

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/prometheus/procfs"
)

// thisProcess is what the benchmark's own process is called: its clients.
const thisProcess = "(the clients)"

// usage is the CPU time that was used up to a moment.
type usage struct {
	at        time.Time
	processes map[string]time.Duration
	machine   time.Duration // of all processes of the machine
}

// pids are the system's processes, and this one.
func (s *system) pids() (map[string]int, error) {
	pids := map[string]int{thisProcess: os.Getpid()}
	for _, name := range s.Supervisor().Names() {
		pid, err := s.Supervisor().Pid(name)
		if err != nil {
			return nil, err
		}
		pids[name] = pid
	}
	return pids, nil
}

func (s *system) usage() (usage, error) {
	pids, err := s.pids()
	if err != nil {
		return usage{}, err
	}
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return usage{}, fmt.Errorf("reading /proc: %w", err)
	}
	u := usage{at: time.Now(), processes: map[string]time.Duration{}}
	for name, pid := range pids {
		process, err := proc.Proc(pid)
		if err != nil {
			return usage{}, fmt.Errorf("reading the CPU time of %s: %w", name, err)
		}
		stat, err := process.Stat()
		if err != nil {
			return usage{}, fmt.Errorf("reading the CPU time of %s: %w", name, err)
		}
		u.processes[name] = seconds(stat.CPUTime())
	}
	all, err := proc.Stat()
	if err != nil {
		return usage{}, fmt.Errorf("reading the CPU time of the machine: %w", err)
	}
	cpu := all.CPUTotal
	u.machine = seconds(cpu.User + cpu.Nice + cpu.System + cpu.IRQ + cpu.SoftIRQ + cpu.Steal)
	return u, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// since is what each process used from before to now, and the share of the
// machine that others used meanwhile.
func (u usage) since(before usage) (cpu map[string]time.Duration, elsewhere float64) {
	cpu = map[string]time.Duration{}
	var ours time.Duration
	for name, used := range u.processes {
		cpu[name] = used - before.processes[name] // a new process began at 0
		ours += cpu[name]
	}
	there := u.at.Sub(before.at) * time.Duration(runtime.NumCPU())
	return cpu, max(0, float64(u.machine-before.machine-ours)/float64(there))
}

// peakMemory is the most that each process has had in memory, in bytes.
func (s *system) peakMemory() (map[string]uint64, error) {
	pids, err := s.pids()
	if err != nil {
		return nil, err
	}
	peaks := map[string]uint64{}
	for name, pid := range pids {
		process, err := procfs.NewProc(pid)
		if err != nil {
			return nil, fmt.Errorf("reading the memory of %s: %w", name, err)
		}
		status, err := process.NewStatus()
		if err != nil {
			return nil, fmt.Errorf("reading the memory of %s: %w", name, err)
		}
		peaks[name] = status.VmHWM
	}
	return peaks, nil
}
