//go:build unix

package filelock

import (
	"errors"
	"os"
	"syscall"
)

// lockFile takes the lock of flock(2). It belongs to the open file, which Go
// does not hand to child processes.
func lockFile(file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrHeld
		default:
			return err
		}
	}
}
