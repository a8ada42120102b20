package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/prometheus/procfs"

	"orderflow/internal/toolchain"
)

// Machine is what a run ran on.
type Machine struct {
	CPU      string
	Cores    int
	Memory   uint64 // bytes
	Kernel   string
	Go       string
	Temporal string
	Consul   string
	Commit   string
}

func describeMachine(ctx context.Context, root string) (Machine, error) {
	proc, err := procfs.NewDefaultFS()
	if err != nil {
		return Machine{}, fmt.Errorf("describing the machine: %w", err)
	}
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version()}
	if cpus, err := proc.CPUInfo(); err == nil && len(cpus) > 0 {
		m.CPU = cpus[0].ModelName
	}
	if memory, err := proc.Meminfo(); err == nil && memory.MemTotalBytes != nil {
		m.Memory = *memory.MemTotalBytes
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(release))
	}
	if m.Temporal, err = toolchain.Temporal.Version(root); err != nil {
		return Machine{}, err
	}
	if m.Consul, err = toolchain.Consul.Version(root); err != nil {
		return Machine{}, err
	}
	// A tree without history has no commit.
	if commit, err := exec.CommandContext(ctx, "git", "-C", root, "describe", "--always", "--dirty").Output(); err == nil {
		m.Commit = strings.TrimSpace(string(commit))
	}
	return m, nil
}
