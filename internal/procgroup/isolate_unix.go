//go:build unix && !linux

package procgroup

import (
	"os/exec"
	"syscall"
)

// isolate cannot tie the child's life to this process here: after a SIGKILL of
// this process its children stay.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}
