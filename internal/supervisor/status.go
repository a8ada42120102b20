package supervisor

import (
	"errors"
	"fmt"
	"time"
)

// Errors of calls that name a process.
var (
	// ErrUnknown says that no process of that name was added, or that it was
	// removed.
	ErrUnknown = errors.New("no such process")
	// ErrNotRunning says that the process has no operating-system process at
	// the moment: it waits for what it needs or for its restart, or was stopped.
	ErrNotRunning = errors.New("process is not running")
	// ErrStopped says that the process or the supervisor was stopped.
	ErrStopped = errors.New("stopped")
)

// State is where a process is in its life.
type State string

// Pending leads to Starting, Starting to Ready. A process that ends by itself
// is Restarting until it is Starting again, or Failed when it never became
// ready. Stopping leads to Stopped.
const (
	Pending    State = "pending"    // waits for what it needs
	Starting   State = "starting"   // runs, not ready yet
	Ready      State = "ready"      // runs and was ready
	Restarting State = "restarting" // has ended by itself, will be started again
	Failed     State = "failed"     // never became ready and was given up
	Stopping   State = "stopping"   // was asked to end
	Stopped    State = "stopped"    // has ended because it was asked to
)

// Status is a process at one moment.
type Status struct {
	State  State
	PID    int   // 0 when it does not run
	Starts int   // how often it was started
	Err    error // why it ended the last time; nil before the first end
}

// Restarts is how often the process was started again.
func (s Status) Restarts() int {
	return max(0, s.Starts-1)
}

// EventKind is what has happened to a process.
type EventKind string

// The events of a process.
const (
	EventReady    EventKind = "ready"    // Elapsed: since its start
	EventEnded    EventKind = "ended"    // Err, Tail; Delay: until it is started again
	EventFailed   EventKind = "failed"   // Err, Tail: given up
	EventStopping EventKind = "stopping" // SIGTERM was sent
	EventStopped  EventKind = "stopped"  // Elapsed: since SIGTERM; Err when it had to be killed
)

// Event tells an observer what has happened to a process.
type Event struct {
	Kind     EventKind
	Name     string
	Restarts int
	Elapsed  time.Duration
	Delay    time.Duration
	Err      error
	Tail     []string // the last lines that it has printed
}

// StartError says why a process was given up before it was ready.
type StartError struct {
	Name string
	Err  error
	Tail []string // the last lines that it has printed
}

// Error names the process and the cause in one line; print Tail below it.
func (e *StartError) Error() string {
	return fmt.Sprintf("%s does not start: %v", e.Name, e.Err)
}

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }
