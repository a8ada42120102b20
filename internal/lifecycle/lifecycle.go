// Package lifecycle starts the end of a process and brings it there in order.
//
// A main function takes its context from [Context], which ends with SIGINT or
// SIGTERM, and pushes what it opened on a [Stack], which closes everything in
// reverse within one deadline.
//
// The package does not decide what to close; for a service that is
// internal/chassis.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"
)

// graceAfterDeadline is how long each closer may take once the deadline has
// passed: enough to drop what it holds, too little to hold the process.
const graceAfterDeadline = 250 * time.Millisecond

// Context returns a context that is done on SIGINT or SIGTERM. A second signal
// then ends the process at once, as if nobody listened. Stop frees the
// signals.
func Context() (ctx context.Context, stop context.CancelFunc) {
	ctx, stop = signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// Stack holds what must be closed, in the order in which it was opened. The
// zero value is ready for use. It is safe for concurrent use.
type Stack struct {
	mu      sync.Mutex
	closers []closer
}

type closer struct {
	name  string
	close func(context.Context) error
}

// Push adds a closer. The name is what an error of it is reported with, such
// as "store".
func (s *Stack) Push(name string, closing func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closers = append(s.closers, closer{name, closing})
}

// PushFunc adds a closer that takes no context.
func (s *Stack) PushFunc(name string, closing func() error) {
	s.Push(name, func(context.Context) error { return closing() })
}

// Close calls every closer once, the last pushed first. All of them share the
// deadline of ctx. One that fails, panics or outlasts the deadline does not
// stop the others; those called after the deadline get the finished context
// and a quarter of a second. The error joins all failures. A second Close only
// closes what was pushed since.
func (s *Stack) Close(ctx context.Context) error {
	s.mu.Lock()
	closers := s.closers
	s.closers = nil
	s.mu.Unlock()

	var failures []error
	for _, c := range slices.Backward(closers) {
		if err := c.run(ctx); err != nil {
			failures = append(failures, fmt.Errorf("closing %s: %w", c.name, err))
		}
	}
	return errors.Join(failures...)
}

func (c closer) run(ctx context.Context) error {
	// Buffered, so that a closer that comes too late does not leak for ever.
	done := make(chan error, 1)
	go func() {
		defer func() {
			if recovered := recover(); recovered != nil {
				done <- fmt.Errorf("panic: %v", recovered)
			}
		}()
		done <- c.close(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace := time.NewTimer(graceAfterDeadline)
	defer grace.Stop()
	select {
	case err := <-done:
		return err
	case <-grace.C:
		return fmt.Errorf("given up: %w", ctx.Err())
	}
}
