package supervisor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"

	"orderflow/internal/procgroup"
)

// Options are the settings of a Supervisor. The zero value is valid.
type Options struct {
	// Logs receives what the processes print; nil discards it.
	Logs *Logs
	// Observe is told about every event, one at a time per process. It must
	// not call the Supervisor's waiting methods.
	Observe func(Event)
	// Restart is the pause before a restart.
	Restart Backoff
	// StartAttempts is how often a process that has never been ready may end
	// by itself before it is given up; 0 means 5.
	StartAttempts int
	// ReadyTimeout is how long a first start may take until the process is
	// ready; 0 means 2 minutes.
	ReadyTimeout time.Duration
	// StopTimeout bounds Stop; what still runs then is killed. 0 means 15 s.
	StopTimeout time.Duration
}

func (o Options) withDefaults() Options {
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	if o.StartAttempts == 0 {
		o.StartAttempts = 5
	}
	if o.ReadyTimeout == 0 {
		o.ReadyTimeout = 2 * time.Minute
	}
	if o.StopTimeout == 0 {
		o.StopTimeout = 15 * time.Second
	}
	o.Restart = o.Restart.withDefaults()
	return o
}

// Supervisor runs a set of processes. Its methods are safe for concurrent use.
type Supervisor struct {
	opts Options

	mu       sync.Mutex
	children []*child           // in the order added
	changed  chan struct{}      // closed at the next change of any status
	starter  *procgroup.Starter // from Start to Stop
	stopping bool
	stopped  chan struct{} // closed when Stop is done
	stopErr  error

	abort     chan struct{} // closed by Abort
	abortOnce sync.Once
}

// New returns a Supervisor without processes.
func New(o Options) *Supervisor {
	return &Supervisor{
		opts:    o.withDefaults(),
		changed: make(chan struct{}),
		stopped: make(chan struct{}),
		abort:   make(chan struct{}),
	}
}

// Add makes a process known. Before Start it waits for Start; afterwards it is
// started at once, and WaitReady tells how that went.
func (s *Supervisor) Add(p Process) error {
	if err := p.validate(); err != nil {
		return fmt.Errorf("adding process %q: %w", p.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return fmt.Errorf("adding process %q: %w", p.Name, ErrStopped)
	}
	if s.find(p.Name) != nil {
		return fmt.Errorf("adding process %q: there is one of that name", p.Name)
	}
	for _, need := range p.Needs {
		if s.find(need) == nil {
			return fmt.Errorf("adding process %q, which needs %q: %w", p.Name, need, ErrUnknown)
		}
	}
	c := newChild(p, s.opts.Logs)
	s.children = append(s.children, c)
	if s.starter != nil {
		go s.supervise(c, s.starter)
	}
	return nil
}

// Remove stops the process, waits until it has ended and forgets it. It refuses
// while another process needs it. When the context ends first, the process is
// still being stopped, and is not forgotten.
func (s *Supervisor) Remove(ctx context.Context, name string) error {
	s.mu.Lock()
	c := s.find(name)
	if c == nil {
		s.mu.Unlock()
		return fmt.Errorf("removing %q: %w", name, ErrUnknown)
	}
	if dependents := s.dependents(name); len(dependents) > 0 {
		s.mu.Unlock()
		return fmt.Errorf("removing %q: %q needs it", name, dependents[0].process.Name)
	}
	running := s.starter != nil
	s.mu.Unlock()

	c.cancel()
	if running {
		select {
		case <-c.done:
		case <-ctx.Done():
			return fmt.Errorf("removing %q: %w", name, ctx.Err())
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.children = slices.DeleteFunc(s.children, func(other *child) bool { return other == c })
	s.broadcast()
	return nil
}

// Start starts the processes in order of need, side by side where there is
// none, and returns when all are ready. On an error everything has been stopped
// again; a *StartError tells which process was the cause. Start may be called
// once.
func (s *Supervisor) Start(ctx context.Context) error {
	s.mu.Lock()
	if s.stopping || s.starter != nil {
		s.mu.Unlock()
		return errors.New("starting processes: supervisor was started before")
	}
	s.starter = procgroup.NewStarter()
	children := slices.Clone(s.children)
	for _, c := range children {
		go s.supervise(c, s.starter) //nolint:contextcheck // ctx bounds the start, not the lives of the processes
	}
	s.mu.Unlock()

	if err := s.waitAllReady(ctx, children); err != nil {
		return errors.Join(err, s.Stop())
	}
	return nil
}

// waitAllReady returns at the first error, so that a process that fails is
// heard of at once. The failure is the cause even when a process that needs the
// failed one reports first that it was stopped.
func (s *Supervisor) waitAllReady(ctx context.Context, children []*child) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan error, len(children))
	for _, c := range children {
		go func() { results <- s.WaitReady(ctx, c.process.Name) }()
	}
	for range children {
		err := <-results
		if err == nil {
			continue
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, c := range children {
			if c.failure != nil {
				return c.failure
			}
		}
		return err
	}
	return nil
}

// Run starts the processes, serves until the context ends, and stops them.
func (s *Supervisor) Run(ctx context.Context) error {
	if err := s.Start(ctx); err != nil {
		return err
	}
	<-ctx.Done()
	return s.Stop()
}

// Stop ends all processes in reverse order of need: SIGTERM, then SIGKILL to
// the process group after the process's grace. After Options.StopTimeout it
// kills all that is left. It returns when everything has ended; an error names
// what the operating system did not end. Further calls wait for the first.
func (s *Supervisor) Stop() error {
	s.mu.Lock()
	first := !s.stopping
	s.stopping = true
	s.mu.Unlock()
	if first {
		s.stopErr = s.stopAll()
		close(s.stopped)
	}
	<-s.stopped
	return s.stopErr
}

// Abort kills all processes at once and makes Stop return soon.
func (s *Supervisor) Abort() {
	s.abortOnce.Do(func() { close(s.abort) })
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.children {
		c.cancel()
	}
}

// Kill sends SIGKILL to the process's group and returns when the process has
// ended. So a following WaitReady waits for its successor.
func (s *Supervisor) Kill(name string) error {
	status, err := s.running(name)
	if err != nil {
		return fmt.Errorf("killing %q: %w", name, err)
	}
	if err := procgroup.Kill(status.PID); err != nil {
		return fmt.Errorf("killing %q: %w", name, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), killedWithin)
	defer cancel()
	err = s.Wait(ctx, name, func(now Status) bool { return now.PID != status.PID || now.Starts != status.Starts })
	if err != nil {
		return fmt.Errorf("killing %q: %w", name, err)
	}
	return nil
}

// Signal sends a signal to the process's group, for example SIGSTOP.
func (s *Supervisor) Signal(name string, signal syscall.Signal) error {
	status, err := s.running(name)
	if err != nil {
		return fmt.Errorf("signalling %q: %w", name, err)
	}
	return procgroup.Signal(status.PID, signal)
}

// Pid is the process ID, or an error of ErrNotRunning or ErrUnknown.
func (s *Supervisor) Pid(name string) (int, error) {
	status, err := s.running(name)
	return status.PID, err
}

// Restarts is how often the process was started again; 0 when it is unknown.
func (s *Supervisor) Restarts(name string) int {
	status, err := s.Status(name)
	if err != nil {
		return 0
	}
	return status.Restarts()
}

// Status returns the process's state; ErrUnknown when there is none.
func (s *Supervisor) Status(name string) (Status, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.find(name)
	if c == nil {
		return Status{}, fmt.Errorf("%q: %w", name, ErrUnknown)
	}
	return c.status, nil
}

// Names lists the processes in the order added.
func (s *Supervisor) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, len(s.children))
	for i, c := range s.children {
		names[i] = c.process.Name
	}
	return names
}

func (s *Supervisor) running(name string) (Status, error) {
	status, err := s.Status(name)
	if err != nil {
		return Status{}, err
	}
	if status.PID == 0 {
		return Status{}, fmt.Errorf("%q is %s: %w", name, status.State, ErrNotRunning)
	}
	return status, nil
}

// find and dependents need s.mu.
func (s *Supervisor) find(name string) *child {
	for _, c := range s.children {
		if c.process.Name == name {
			return c
		}
	}
	return nil
}

func (s *Supervisor) dependents(name string) []*child {
	var found []*child
	for _, c := range s.children {
		if slices.Contains(c.process.Needs, name) {
			found = append(found, c)
		}
	}
	return found
}
