//go:build unix

package procgroup

import (
	"errors"
	"fmt"
	"syscall"
)

// Signal sends the signal to every process of the group that pid leads. A
// group that has ended is no error.
func Signal(pid int, signal syscall.Signal) error {
	if pid <= 1 {
		// kill(2) would read -1 as "every process", and 0 as this group.
		return fmt.Errorf("signalling process group %d: %w", pid, syscall.EINVAL)
	}
	err := syscall.Kill(-pid, signal)
	// BSD systems answer EPERM for a group that has ended and was not waited
	// for. A child cannot deny a signal of its own parent otherwise.
	if err == nil || errors.Is(err, syscall.ESRCH) || errors.Is(err, syscall.EPERM) {
		return nil
	}
	return fmt.Errorf("sending %v to process group %d: %w", signal, pid, err)
}

// Kill ends the group that pid leads at once.
func Kill(pid int) error {
	return Signal(pid, syscall.SIGKILL)
}

// Terminate asks the group that pid leads to end. A process that was stopped
// by SIGSTOP is continued, so that it can.
func Terminate(pid int) error {
	if err := Signal(pid, syscall.SIGTERM); err != nil {
		return err
	}
	return Signal(pid, syscall.SIGCONT)
}
