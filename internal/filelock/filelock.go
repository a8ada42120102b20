// Package filelock keeps two processes from using one thing at once: a data
// folder, a build result. The lock is an advisory lock on a file, which the
// operating system takes back when its holder ends, however it ends. So there
// are no stale locks.
//
// It is not for locks between goroutines of one process, and not for folders
// that several machines share.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ErrHeld says that another process holds the lock.
var ErrHeld = errors.New("lock is held by another process")

// retryEvery is how often Acquire tries again. The system has no lock call
// that both waits and respects a context.
const retryEvery = 100 * time.Millisecond

// Lock is a held lock.
type Lock struct {
	file *os.File
}

// Try takes the lock whose file is path, creating the file if there is none.
// It fails at once with ErrHeld when another process has it. The file stays
// after Release: removing it would let two holders lock two files of one name.
func Try(path string) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("opening lock file: %w", err)
	}
	if err := lockFile(file); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), file.Close())
	}
	lock := &Lock{file: file}
	if err := lock.sign(); err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	return lock, nil
}

// Acquire takes the lock and waits for it as long as the context allows.
// Waiting, when not nil, is called once if there is somebody to wait for.
func Acquire(ctx context.Context, path string, waiting func()) (*Lock, error) {
	for {
		lock, err := Try(path)
		if !errors.Is(err, ErrHeld) {
			return lock, err
		}
		if waiting != nil {
			waiting()
			waiting = nil
		}
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for lock %s: %w", path, ctx.Err())
		}
	}
}

// Release gives the lock back.
func (l *Lock) Release() error {
	return l.file.Close()
}

// Holder is the process ID that last took the lock, for a message to a person;
// 0 when it is not known.
func Holder(path string) int {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}

// sign leaves the holder's process ID in the file.
func (l *Lock) sign() error {
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("signing lock file: %w", err)
	}
	if _, err := l.file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("signing lock file: %w", err)
	}
	return nil
}
