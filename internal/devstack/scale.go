package devstack

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrWorkerCount says that a number of workers is outside 1 to MaxWorkers.
var ErrWorkerCount = fmt.Errorf("the number of workers must be between 1 and %d", MaxWorkers)

// Workers is the number of worker processes.
func (s *Stack) Workers() int {
	count := 0
	for _, name := range s.supervisor.Names() {
		if strings.HasPrefix(name, workersService+"-") {
			count++
		}
	}
	return count
}

// ScaleWorkers starts or stops worker processes until there are count of them,
// and returns how many there were. New ones are ready when it returns; stopped
// ones have finished what they had in hand, and Temporal gives the rest of
// their work to the others.
func (s *Stack) ScaleWorkers(ctx context.Context, count int) (before int, err error) {
	if count < 1 || count > MaxWorkers {
		return 0, ErrWorkerCount
	}
	s.scaling.Lock()
	defer s.scaling.Unlock()
	before = s.Workers()
	var changes []func() error
	for number := before + 1; number <= count; number++ {
		process := s.workerProcess(number)
		if err := s.supervisor.Add(process); err != nil { //nolint:contextcheck // ctx bounds the change, not the life of the worker
			return before, err
		}
		changes = append(changes, func() error { return s.waitForWorker(ctx, process.Name) })
	}
	for number := count + 1; number <= before; number++ {
		name := instanceID(workersService, number)
		changes = append(changes, func() error { return s.supervisor.Remove(ctx, name) })
	}
	return before, sideBySide(changes)
}

// waitForWorker waits for a new worker, and takes back one that does not start.
func (s *Stack) waitForWorker(ctx context.Context, name string) error {
	err := s.supervisor.WaitReady(ctx, name)
	if err == nil {
		return nil
	}
	return errors.Join(err, s.supervisor.Remove(context.WithoutCancel(ctx), name))
}

// sideBySide runs all and returns all their errors.
func sideBySide(functions []func() error) error {
	results := make(chan error, len(functions))
	for _, function := range functions {
		go func() { results <- function() }()
	}
	var errs []error
	for range functions {
		errs = append(errs, <-results)
	}
	return errors.Join(errs...)
}
