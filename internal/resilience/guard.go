package resilience

import (
	"context"
	"time"
)

// Guard is the bulkhead and, inside it, the circuit breaker around the calls
// to one target.
type Guard struct {
	target   string
	bulkhead *Bulkhead
	breaker  *Breaker
}

// Snapshot is a guard's state at one moment, for operators.
type Snapshot struct {
	Target string `json:"target"`
	State  State  `json:"state"`
	// RemainingOpen is the time until the breaker is half-open, in
	// nanoseconds, and 0 when it is not open.
	RemainingOpen time.Duration `json:"remainingOpen"`
	Counts        Counts        `json:"counts"`
	// Refused is how many calls the open breaker has refused, in total.
	Refused  uint64        `json:"refused"`
	Bulkhead BulkheadStats `json:"bulkhead"`
}

// NewGuard returns a guard whose breaker is closed and whose bulkhead is empty.
// See NewBreaker and NewBulkhead for the parameters.
func NewGuard(target string, cfg Config, classifier Classifier, observer func(Transition)) *Guard {
	return &Guard{
		target:   target,
		bulkhead: NewBulkhead(target, cfg.Bulkhead),
		breaker:  NewBreaker(target, cfg.Breaker, classifier, observer),
	}
}

// Do runs fn when a permit is free and the breaker lets it through, and returns
// fn's error unchanged. Otherwise fn did not run, and the error is a
// *BulkheadFullError, a *BreakerOpenError, or the context's when it ended in
// the queue.
func (g *Guard) Do(ctx context.Context, fn func(ctx context.Context) error) error {
	release, err := g.bulkhead.Acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	return g.breaker.Do(ctx, fn)
}

// Target is the name of what is guarded.
func (g *Guard) Target() string { return g.target }

// Breaker is the guard's circuit breaker.
func (g *Guard) Breaker() *Breaker { return g.breaker }

// Bulkhead is the guard's bulkhead.
func (g *Guard) Bulkhead() *Bulkhead { return g.bulkhead }

// Snapshot returns the guard's state. Its parts are read one after the other,
// so that they may differ by a call that ends in between.
func (g *Guard) Snapshot() Snapshot {
	return Snapshot{
		Target:        g.target,
		State:         g.breaker.State(),
		RemainingOpen: g.breaker.RemainingOpen(),
		Counts:        g.breaker.Counts(),
		Refused:       g.breaker.Refused(),
		Bulkhead:      g.bulkhead.Stats(),
	}
}
