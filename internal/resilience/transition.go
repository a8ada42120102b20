package resilience

import (
	"sync"
	"sync/atomic"
	"time"
)

// Transition is one change of a breaker's state.
type Transition struct {
	Target string
	From   State
	To     State
	At     time.Time
	// Early says that the breaker is half-open before its open time was over;
	// see TryEarly.
	Early bool
}

// journal takes transitions under the breaker's lock and hands them on outside
// it: an observer that logs, or asks the breaker for its state, would otherwise
// hold up every call or lock itself out.
type journal struct {
	observer func(Transition)
	waiting  atomic.Bool // spares the lock on the usual way

	mu        sync.Mutex
	pending   []Transition
	reporting bool
}

// record must stay short and must not call back into the breaker.
func (j *journal) record(t Transition) {
	if j.observer == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pending = append(j.pending, t)
	j.waiting.Store(true)
}

// report hands the recorded transitions to the observer. One goroutine at a
// time does it, so that their order is kept; the others leave it to that one.
func (j *journal) report() {
	if !j.waiting.Load() {
		return
	}
	for batch := j.take(); batch != nil; batch = j.take() {
		j.deliver(batch)
	}
}

func (j *journal) take() []Transition {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.reporting || len(j.pending) == 0 {
		return nil
	}
	batch := j.pending
	j.pending = nil
	j.waiting.Store(false)
	j.reporting = true
	return batch
}

func (j *journal) deliver(batch []Transition) {
	defer func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		j.reporting = false
	}()
	for _, t := range batch {
		j.observer(t)
	}
}
