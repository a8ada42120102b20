package supervisor

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// stopAll is the work of Stop.
func (s *Supervisor) stopAll() error {
	s.mu.Lock()
	children, starter := slices.Clone(s.children), s.starter
	s.mu.Unlock()
	if starter == nil {
		return nil // never started
	}

	for _, c := range children {
		go s.stopAfterDependents(c)
	}
	timeout := time.NewTimer(s.opts.StopTimeout)
	defer timeout.Stop()
	if !allDone(children, timeout.C) {
		s.Abort()
		last := time.NewTimer(killedWithin)
		defer last.Stop()
		if !allDone(children, last.C) {
			return fmt.Errorf("stopping: still running after SIGKILL: %s", strings.Join(notDone(children), ", "))
		}
	}
	starter.Close()
	return nil
}

// stopAfterDependents asks the process to end once all that need it have ended.
func (s *Supervisor) stopAfterDependents(c *child) {
	s.mu.Lock()
	dependents := s.dependents(c.process.Name)
	s.mu.Unlock()
	for _, dependent := range dependents {
		select {
		case <-dependent.done:
		case <-s.abort:
			return // Abort asks all of them
		}
	}
	c.cancel()
}

// allDone waits for all to end, until the timeout.
func allDone(children []*child, timeout <-chan time.Time) bool {
	for _, c := range children {
		select {
		case <-c.done:
		case <-timeout:
			return false
		}
	}
	return true
}

func notDone(children []*child) []string {
	var names []string
	for _, c := range children {
		select {
		case <-c.done:
		default:
			names = append(names, c.process.Name)
		}
	}
	return names
}
