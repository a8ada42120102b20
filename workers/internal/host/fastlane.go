package host

import (
	"context"
	"errors"
	"sync"
	"time"

	"orderflow/internal/resilience"
)

// longestWait is how long a fast attempt may wait for its turn at a service.
// The rest of its time is for the call.
const longestWait = 500 * time.Millisecond

// fastLane is where the fast attempts at one service wait for their turn. Each
// holds a slot of the worker, which other services' steps need as well. So
// there are only as many as the service will soon have served: a healthy
// service's burst waits, and a sick service's steps leave the fast way at once.
//
// What is measured is how fast the lane moves, not how long it is (the idea of
// CoDel, Nichols and Jacobson, 2012): a length that is right for a service that
// answers in 5 ms is wrong for one that answers in a second.
type fastLane struct {
	target string
	turns  *resilience.Bulkhead

	mu    sync.Mutex
	usual time.Duration // of a call, the later ones weighing more
	moved time.Time     // when an attempt began or ended last
}

// newFastLane lets so many attempts go on at once as the service's pool does.
// Slots is how many there can be at all.
func newFastLane(target string, pool, slots int) *fastLane {
	return &fastLane{
		target: target,
		turns:  resilience.NewBulkhead(target, resilience.BulkheadConfig{MaxConcurrent: pool, MaxQueue: slots}),
	}
}

// enter waits for the attempt's turn. Call leave at its end. It fails with a
// *resilience.BulkheadFullError when that would take too long, and with the
// context's error when that was cancelled.
func (l *fastLane) enter(ctx context.Context) (leave func(), err error) {
	stats := l.turns.Stats()
	full := &resilience.BulkheadFullError{Target: l.target, Purpose: resilience.Forward}
	if l.expected(stats) > longestWait {
		return nil, full
	}
	waiting, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	release, err := l.turns.Acquire(waiting)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, full
	}
	if err != nil {
		return nil, err
	}
	began := l.begin()
	return func() { l.end(began); release() }, nil
}

// expected is how long one that comes now would wait: as many turns as are
// before it, at the pace of late. While nothing moves, the pace gets worse.
func (l *fastLane) expected(now resilience.BulkheadStats) time.Duration {
	if now.Current < now.MaxConcurrent {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	call := max(l.usual, time.Since(l.moved))
	return call * time.Duration(now.Queued+1) / time.Duration(now.MaxConcurrent)
}

func (l *fastLane) begin() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.moved = time.Now()
	return l.moved
}

func (l *fastLane) end(began time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.moved = time.Now()
	l.usual += (l.moved.Sub(began) - l.usual) / 8
}
