package resilience

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"
)

// Bulkhead bounds the calls to one target: so many at once, so many more that
// wait their turn in order of arrival, and the rest refused at once. A target
// that hangs then costs a bounded number of goroutines, and no other target
// notices.
type Bulkhead struct {
	target        string
	purpose       Purpose
	maxConcurrent int
	maxQueue      int
	// release is the bound method, made once: Acquire then allocates nothing.
	release func()

	mu      sync.Mutex
	current int
	queue   list.List // of chan struct{}, closed when the permit is granted
	totals  totals
}

// totals only ever rise.
type totals struct {
	admitted  uint64
	rejected  uint64
	abandoned uint64
	waited    uint64
	wait      time.Duration
}

// BulkheadStats are a bulkhead's figures at one moment.
type BulkheadStats struct {
	Purpose       Purpose `json:"purpose"`       // of the calls that it bounds
	Current       int     `json:"current"`       // calls under way
	Queued        int     `json:"queued"`        // calls that wait
	MaxConcurrent int     `json:"maxConcurrent"` // the bound of Current
	MaxQueue      int     `json:"maxQueue"`      // the bound of Queued

	Admitted  uint64 `json:"admitted"`  // calls let through, in total
	Rejected  uint64 `json:"rejected"`  // calls refused because it was full, in total
	Abandoned uint64 `json:"abandoned"` // calls whose context ended in the queue, in total
	Waited    uint64 `json:"waited"`    // calls let through after waiting, in total

	Wait Seconds `json:"waitSeconds"` // what those waited, summed up
}

// NewBulkhead returns an empty bulkhead for forward calls. What is not set in
// cfg has the target's default.
func NewBulkhead(target string, cfg BulkheadConfig) *Bulkhead {
	return newPool(target, Forward, Config{Bulkhead: cfg}.WithDefaults(target).Bulkhead)
}

// newPool takes cfg as it is.
func newPool(target string, purpose Purpose, cfg BulkheadConfig) *Bulkhead {
	b := &Bulkhead{target: target, purpose: purpose, maxConcurrent: cfg.MaxConcurrent, maxQueue: cfg.MaxQueue}
	b.release = b.releaseOne
	return b
}

// Acquire takes a permit, waiting in the queue when all are taken. Call release
// exactly once, by defer, when the work is done.
//
// It fails at once with a *BulkheadFullError when the queue is full too, and
// with the context's error when that ends first; there is no permit to release
// then.
func (b *Bulkhead) Acquire(ctx context.Context) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("entering the bulkhead for %s: %w", b.target, err)
	}
	b.mu.Lock()
	if b.current < b.maxConcurrent {
		b.current++
		b.totals.admitted++
		b.mu.Unlock()
		return b.release, nil
	}
	if b.queue.Len() >= b.maxQueue {
		b.totals.rejected++
		b.mu.Unlock()
		return nil, &BulkheadFullError{Target: b.target, Purpose: b.purpose}
	}
	granted := make(chan struct{})
	place := b.queue.PushBack(granted)
	b.mu.Unlock()

	since := time.Now()
	select {
	case <-granted:
		b.countWait(time.Since(since))
		return b.release, nil
	case <-ctx.Done():
		b.leave(place, granted)
		return nil, fmt.Errorf("waiting in the bulkhead for %s: %w", b.target, ctx.Err())
	}
}

func (b *Bulkhead) countWait(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.totals.admitted++
	b.totals.waited++
	b.totals.wait += d
}

// leave gives up a place in the queue. The permit may have been granted in the
// moment in which the context ended: then it goes to the next in the queue.
func (b *Bulkhead) leave(place *list.Element, granted <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.totals.abandoned++
	select {
	case <-granted:
		b.passOn()
	default:
		b.queue.Remove(place)
	}
}

func (b *Bulkhead) releaseOne() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.current == 0 {
		panic("resilience: bulkhead for " + b.target + " released more often than acquired")
	}
	b.passOn()
}

// passOn hands a permit to the first in the queue, or takes it back when nobody
// waits. The permit never becomes free in between, so that a newcomer cannot
// overtake the queue. The caller holds the lock.
func (b *Bulkhead) passOn() {
	first := b.queue.Front()
	if first == nil {
		b.current--
		return
	}
	close(b.queue.Remove(first).(chan struct{}))
}

// Stats returns the figures of this moment.
func (b *Bulkhead) Stats() BulkheadStats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return BulkheadStats{
		Purpose:       b.purpose,
		Current:       b.current,
		Queued:        b.queue.Len(),
		MaxConcurrent: b.maxConcurrent,
		MaxQueue:      b.maxQueue,
		Admitted:      b.totals.admitted,
		Rejected:      b.totals.rejected,
		Abandoned:     b.totals.abandoned,
		Waited:        b.totals.waited,
		Wait:          Seconds(b.totals.wait),
	}
}
