// Package procgroup starts child processes that can be ended as a whole and,
// on Linux, do not outlive this process however it ends.
//
// Each child leads a process group of its own. So Ctrl-C in a terminal reaches
// this process only, which then stops its children in its own order, and a
// signal to the group reaches what a child has started itself.
//
// It is not for restarting or ordering processes: that is package supervisor.
package procgroup

import (
	"errors"
	"os/exec"
	"runtime"
	"sync"
)

// ErrClosed is returned by Start after Close.
var ErrClosed = errors.New("process starter is closed")

// Starter starts processes, all from one operating-system thread.
//
// Linux sends the parent-death signal when the thread that forked ends, not
// when its process does (https://go.dev/issue/27505). A thread of the Go
// runtime may end at any time, so the Starter keeps one to itself.
type Starter struct {
	requests chan request
	closing  chan struct{}
	closed   chan struct{}
	once     sync.Once
}

type request struct {
	cmd    *exec.Cmd
	result chan error
}

// NewStarter returns a Starter. Close it when its processes have ended, not
// before.
func NewStarter() *Starter {
	s := &Starter{
		requests: make(chan request),
		closing:  make(chan struct{}),
		closed:   make(chan struct{}),
	}
	go s.serve()
	return s
}

// Start starts the command as the leader of a new process group. It replaces
// cmd.Start; wait for the process with cmd.Wait.
func (s *Starter) Start(cmd *exec.Cmd) error {
	isolate(cmd)
	r := request{cmd: cmd, result: make(chan error, 1)}
	select {
	case s.requests <- r:
		return <-r.result
	case <-s.closing:
		return ErrClosed
	}
}

// Close gives the thread up. A process that it has started and that still runs
// may be killed by that on Linux. A second call does nothing.
func (s *Starter) Close() {
	s.once.Do(func() { close(s.closing) })
	<-s.closed
}

func (s *Starter) serve() {
	defer close(s.closed)
	// Never unlocked: the thread ends with this goroutine.
	runtime.LockOSThread()
	for {
		select {
		case r := <-s.requests:
			r.result <- r.cmd.Start()
		case <-s.closing:
			return
		}
	}
}
