package supervisor

import (
	"fmt"
	"time"
)

// KeepDown kills the process as Kill does, and keeps it from being started
// again until bringUp is called, which starts it at once and may be called any
// number of times. What needs the process runs on, and Stop does not wait.
func (s *Supervisor) KeepDown(name string) (bringUp func(), err error) {
	down := make(chan struct{})
	s.mu.Lock()
	c := s.find(name)
	switch {
	case c == nil:
		s.mu.Unlock()
		return nil, fmt.Errorf("keeping %q down: %w", name, ErrUnknown)
	case c.down != nil:
		s.mu.Unlock()
		return nil, fmt.Errorf("keeping %q down: %w", name, ErrNotRunning)
	}
	c.down = down
	s.mu.Unlock()

	bringUp = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if c.down == down {
			c.down = nil
			close(down)
		}
	}
	if err := s.Kill(name); err != nil {
		bringUp()
		return nil, err
	}
	return bringUp, nil
}

// rest waits until the process may be started again. It reports false when the
// process is asked to end meanwhile.
func (s *Supervisor) rest(c *child, pause time.Duration) bool {
	select {
	case <-time.After(pause):
	case <-c.ctx.Done():
		return false
	}
	s.mu.Lock()
	down := c.down
	s.mu.Unlock()
	if down == nil {
		return true
	}
	select {
	case <-down:
		return true
	case <-c.ctx.Done():
		return false
	}
}
