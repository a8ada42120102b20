//go:build !unix

package procgroup

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Signal can only kill the process pid here, not what it has started.
func Signal(pid int, signal syscall.Signal) error {
	if signal != syscall.SIGKILL {
		return fmt.Errorf("sending %v to process %d: %w", signal, pid, errors.ErrUnsupported)
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return nil // it has ended
	}
	if err := process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing process %d: %w", pid, err)
	}
	return nil
}

// Kill ends the process pid at once.
func Kill(pid int) error {
	return Signal(pid, syscall.SIGKILL)
}

// Terminate kills: this system has no signal that asks.
func Terminate(pid int) error {
	return Kill(pid)
}
