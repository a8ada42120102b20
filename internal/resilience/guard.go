package resilience

import (
	"context"
	"time"
)

// Guard is what stands around the calls to one target, from the outside to the
// inside: the retry budget and the bulkhead, of which each purpose has its own,
// and the circuit breaker, which the purposes share.
type Guard struct {
	target  string
	budgets [purposes]*RetryBudget
	pools   [purposes]*Bulkhead
	breaker *Breaker
}

// Call is what a guard must know of a call. The zero value is a first forward
// call.
type Call struct {
	Purpose Purpose
	// Retry says that an equal call was made before and has failed.
	Retry bool
}

// Snapshot is a guard's state at one moment, for operators.
type Snapshot struct {
	Target      string           `json:"target"`
	Breaker     BreakerStats     `json:"breaker"`
	Bulkheads   []BulkheadStats  `json:"bulkheads"`   // one for each purpose
	RetryBudget RetryBudgetStats `json:"retryBudget"` // of forward calls
	// CompensationBudget is the retry budget of the calls that undo.
	CompensationBudget RetryBudgetStats `json:"compensationRetryBudget"`
}

// NewGuard returns a guard whose breaker is closed, whose bulkhead is empty and
// whose retry budgets are full. See NewBreaker for the parameters.
func NewGuard(target string, cfg Config, classifier Classifier, observer func(Transition)) *Guard {
	cfg = cfg.WithDefaults(target)
	return &Guard{
		target: target,
		budgets: [purposes]*RetryBudget{
			Forward:      newBudget(target, Forward, cfg.RetryBudget),
			Compensation: newBudget(target, Compensation, cfg.RetryBudget),
		},
		pools: [purposes]*Bulkhead{
			Forward:      newPool(target, Forward, cfg.Bulkhead),
			Compensation: newPool(target, Compensation, cfg.Compensation),
		},
		breaker: NewBreaker(target, cfg.Breaker, classifier, observer),
	}
}

// Do runs fn as a first forward call and judges its result by Judge. The errors
// are those of Run.
func (g *Guard) Do(ctx context.Context, fn func(ctx context.Context) error) error {
	return g.Run(ctx, Call{}, func(ctx context.Context) (Outcome, error) {
		began := time.Now()
		err := fn(ctx)
		return g.Judge(ctx, err, time.Since(began)), err
	})
}

// Run runs fn when the retry budget allows it, a permit is free and the breaker
// lets it through, and returns fn's error unchanged. Otherwise fn did not run,
// and the error is a *RetryBudgetError, a *BulkheadFullError, a
// *BreakerOpenError, or the context's when it ended in the queue. Fn says what
// its result means for the target.
func (g *Guard) Run(ctx context.Context, call Call, fn func(ctx context.Context) (Outcome, error)) error {
	if call.Retry {
		return g.retry(ctx, call.Purpose, fn)
	}
	return g.enter(ctx, call.Purpose, func(ctx context.Context) (Outcome, error) {
		g.budgets[call.Purpose].Earn()
		return fn(ctx)
	})
}

// retry brings the token back unless the call was made and failed.
func (g *Guard) retry(ctx context.Context, purpose Purpose, fn func(ctx context.Context) (Outcome, error)) error {
	budget := g.budgets[purpose]
	if err := budget.Spend(); err != nil {
		return err
	}
	outcome := Ignored // of a call that is not made
	defer func() {
		if outcome == Success || outcome == Ignored {
			budget.Refund()
		}
	}()
	return g.enter(ctx, purpose, func(ctx context.Context) (_ Outcome, err error) {
		budget.Made()
		outcome = Failure // of a panic
		outcome, err = fn(ctx)
		return outcome, err
	})
}

func (g *Guard) enter(ctx context.Context, purpose Purpose, fn func(ctx context.Context) (Outcome, error)) error {
	release, err := g.pools[purpose].Acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	return g.breaker.Run(ctx, fn)
}

// Judge says what a result means for the target; see Breaker.Judge.
func (g *Guard) Judge(ctx context.Context, err error, took time.Duration) Outcome {
	return g.breaker.Judge(ctx, err, took)
}

// Target is the name of what is guarded.
func (g *Guard) Target() string { return g.target }

// Breaker is the guard's circuit breaker, which the purposes share: what one
// kind of call finds out about the target, the other need not.
func (g *Guard) Breaker() *Breaker { return g.breaker }

// Bulkhead is the pool of forward calls.
func (g *Guard) Bulkhead() *Bulkhead { return g.Pool(Forward) }

// Pool is the bulkhead of one purpose.
func (g *Guard) Pool(purpose Purpose) *Bulkhead { return g.pools[purpose] }

// RetryBudget is the retry budget of forward calls.
func (g *Guard) RetryBudget() *RetryBudget { return g.Budget(Forward) }

// Budget is the retry budget of one purpose.
func (g *Guard) Budget(purpose Purpose) *RetryBudget { return g.budgets[purpose] }

// Snapshot returns the guard's state. Its parts are read one after the other,
// so that they may differ by a call that ends in between.
func (g *Guard) Snapshot() Snapshot {
	s := Snapshot{
		Target:      g.target,
		Breaker:     g.breaker.Stats(),
		Bulkheads:   make([]BulkheadStats, purposes),
		RetryBudget: g.budgets[Forward].Stats(),

		CompensationBudget: g.budgets[Compensation].Stats(),
	}
	for purpose, pool := range g.pools {
		s.Bulkheads[purpose] = pool.Stats()
	}
	return s
}
