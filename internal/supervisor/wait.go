package supervisor

import (
	"context"
	"fmt"
)

// WaitReady waits until the process is ready. It fails with a *StartError when
// the process was given up, with ErrStopped when it was stopped, and with the
// context's error, which then names the state.
func (s *Supervisor) WaitReady(ctx context.Context, name string) error {
	return s.Wait(ctx, name, func(status Status) bool { return status.State == Ready })
}

// Wait waits until the condition holds for the process. It fails as WaitReady
// does when the condition can no longer come true.
func (s *Supervisor) Wait(ctx context.Context, name string, condition func(Status) bool) error {
	for {
		s.mu.Lock()
		c := s.find(name)
		if c == nil {
			s.mu.Unlock()
			return fmt.Errorf("waiting for %q: %w", name, ErrUnknown)
		}
		status, failure, changed := c.status, c.failure, s.changed
		s.mu.Unlock()

		switch {
		case condition(status):
			return nil
		case failure != nil:
			return failure
		case status.State == Stopped:
			return fmt.Errorf("waiting for %q: %w", name, ErrStopped)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %q, which is %s: %w", name, status.State, ctx.Err())
		}
	}
}

// update changes the status of a process and wakes up all who wait.
func (s *Supervisor) update(c *child, change func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&c.status)
	s.broadcast()
}

// broadcast needs s.mu.
func (s *Supervisor) broadcast() {
	close(s.changed)
	s.changed = make(chan struct{})
}
