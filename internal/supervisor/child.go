package supervisor

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"orderflow/internal/procgroup"
)

const (
	// probeEvery is the pause between two readiness probes.
	probeEvery = 50 * time.Millisecond
	// probeTimeout bounds one readiness probe.
	probeTimeout = 2 * time.Second
	// outputDelay bounds the wait for output after a process has ended: one
	// that it has started itself may keep the pipe open.
	outputDelay = time.Second
	// killedWithin is how long the system may take to end a killed process.
	killedWithin = 5 * time.Second
)

var (
	// errEnded says that a process ended with exit status 0 though nobody asked.
	errEnded = errors.New("ended by itself with exit status 0")
	// errNotReady says that a first start took too long.
	errNotReady = errors.New("not ready in time")
)

// child is a process with its state. Status and failure are written only by
// supervise, and under the supervisor's mutex, which also guards down; the rest
// is set once or belongs to supervise.
type child struct {
	process Process
	output  *lineWriter
	tail    *tail
	ctx     context.Context    //nolint:containedctx // the life of the process, not of a call
	cancel  context.CancelFunc // asks it to end
	done    chan struct{}      // closed when it has ended for good

	status  Status
	failure error // why it was given up

	down chan struct{} // closed when it may be started again; nil when it may now

	wasReady bool
}

// exit is the end of a process.
type exit struct{ reason error }

func newChild(p Process, logs *Logs) *child {
	c := &child{
		process: p,
		tail:    &tail{},
		done:    make(chan struct{}),
		status:  Status{State: Pending},
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.output = &lineWriter{emit: func(line []byte) {
		c.tail.add(line)
		if logs != nil {
			logs.line(p.Name, p.OnlyErrors, line)
		}
	}}
	return c
}

// supervise keeps the process running until it is asked to end or is given up.
func (s *Supervisor) supervise(c *child, starter *procgroup.Starter) {
	defer close(c.done)
	defer c.cancel()
	name := c.process.Name

	if err := s.waitForNeeds(c); err != nil {
		s.update(c, func(status *Status) { status.State = Stopped })
		return
	}
	var pause time.Duration
	for {
		began := time.Now()
		err := s.runOnce(c, starter)
		if c.ctx.Err() != nil {
			s.update(c, func(status *Status) { status.State, status.PID = Stopped, 0 })
			return
		}
		if !c.wasReady && s.giveUp(c, err) {
			return
		}
		pause = s.opts.Restart.next(pause, time.Since(began))
		s.update(c, func(status *Status) { status.State, status.PID, status.Err = Restarting, 0, err })
		s.opts.Observe(Event{
			Kind: EventEnded, Name: name, Restarts: c.status.Restarts(), Err: err, Delay: pause, Tail: c.tail.lines(),
		})
		if !s.rest(c, pause) {
			s.update(c, func(status *Status) { status.State = Stopped })
			return
		}
	}
}

// giveUp ends the attempts at a process that has never been ready, when they
// are used up or it took too long.
func (s *Supervisor) giveUp(c *child, err error) bool {
	if c.status.Starts < s.opts.StartAttempts && !errors.Is(err, errNotReady) && !c.process.hopeless(err) {
		return false
	}
	tail := c.tail.lines()
	s.mu.Lock()
	c.status.State, c.status.PID, c.status.Err = Failed, 0, err
	c.failure = &StartError{Name: c.process.Name, Err: err, Tail: tail}
	s.broadcast()
	s.mu.Unlock()
	s.opts.Observe(Event{Kind: EventFailed, Name: c.process.Name, Restarts: c.status.Restarts(), Err: err, Tail: tail})
	return true
}

func (s *Supervisor) waitForNeeds(c *child) error {
	for _, need := range c.process.Needs {
		if err := s.WaitReady(c.ctx, need); err != nil {
			return err
		}
	}
	return nil
}

// runOnce starts the process and returns when it has ended, with the reason.
func (s *Supervisor) runOnce(c *child, starter *procgroup.Starter) error {
	cmd, err := s.launch(c, starter)
	if err != nil {
		return err
	}
	began := time.Now()
	exited := make(chan exit, 1)
	go func() { exited <- exit{waitFor(cmd)} }()
	defer c.output.flush()

	probing, stopProbing := context.WithCancel(c.ctx)
	defer stopProbing()
	probe := startProbe(probing, c.process.Ready)

	var tooLong <-chan time.Time
	if !c.wasReady {
		timer := time.NewTimer(s.opts.ReadyTimeout)
		defer timer.Stop()
		tooLong = timer.C
	}
	ready := probe.ready
	for {
		select {
		case exit := <-exited:
			return exit.reason
		case <-ready:
			ready, tooLong = nil, nil
			c.wasReady = true
			s.update(c, func(status *Status) { status.State = Ready })
			s.opts.Observe(Event{
				Kind: EventReady, Name: c.process.Name, Restarts: c.status.Restarts(), Elapsed: time.Since(began),
			})
		case <-tooLong:
			stopProbing()
			<-probe.done
			_, err := endGroup(cmd.Process.Pid, c.process.grace(), s.abort, exited)
			return errors.Join(fmt.Errorf("%w (%v): %w", errNotReady, s.opts.ReadyTimeout, probe.last), err)
		case <-c.ctx.Done():
			return s.terminate(c, cmd.Process.Pid, exited)
		}
	}
}

func (s *Supervisor) launch(c *child, starter *procgroup.Starter) (*exec.Cmd, error) {
	command, err := c.process.Command()
	if err != nil {
		s.update(c, func(status *Status) { status.Starts++ })
		return nil, fmt.Errorf("preparing to start: %w", err)
	}
	cmd := command.cmd()
	// One writer for both, so that their lines keep their order.
	cmd.Stdout, cmd.Stderr = c.output, c.output
	if err := starter.Start(cmd); err != nil {
		s.update(c, func(status *Status) { status.Starts++ })
		return nil, fmt.Errorf("starting %s: %w", command.Path, err)
	}
	s.update(c, func(status *Status) {
		status.State, status.PID = Starting, cmd.Process.Pid
		status.Starts++
	})
	return cmd, nil
}

func (c Command) cmd() *exec.Cmd {
	cmd := exec.Command(c.Path, c.Args...) //nolint:noctx // its end is endGroup: SIGTERM before SIGKILL
	cmd.Env, cmd.Dir = c.Env, c.Dir
	cmd.WaitDelay = outputDelay
	return cmd
}

// waitFor waits for the process and ends what is left of its group. While
// anything is left, the system gives the group's number to nobody else.
func waitFor(cmd *exec.Cmd) error {
	err := cmd.Wait()
	if killErr := procgroup.Kill(cmd.Process.Pid); killErr != nil {
		err = errors.Join(err, killErr)
	}
	if err == nil || errors.Is(err, exec.ErrWaitDelay) {
		return errEnded
	}
	return err
}

// terminate asks the process to end, and kills its group when the grace is over
// or Abort was called. It returns nil when the process ended in time.
func (s *Supervisor) terminate(c *child, pid int, exited <-chan exit) error {
	began := time.Now()
	s.update(c, func(status *Status) { status.State = Stopping })
	s.opts.Observe(Event{Kind: EventStopping, Name: c.process.Name})

	killed, err := endGroup(pid, c.process.grace(), s.abort, exited)
	if killed {
		err = errors.Join(fmt.Errorf("killed: did not end within %v", time.Since(began).Round(time.Millisecond)), err)
	}
	s.update(c, func(status *Status) { status.PID = 0 })
	s.opts.Observe(Event{Kind: EventStopped, Name: c.process.Name, Elapsed: time.Since(began), Err: err})
	return err
}

// endGroup reports whether the group had to be killed, and what kept a signal
// from being sent. It returns when the process has ended.
func endGroup(pid int, grace time.Duration, abort <-chan struct{}, exited <-chan exit) (killed bool, err error) {
	err = procgroup.Terminate(pid)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-exited:
		return false, err
	case <-timer.C:
	case <-abort:
	}
	err = errors.Join(err, procgroup.Kill(pid))
	<-exited
	return true, err
}
