package resilience

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Breaker is a circuit breaker for one target: FailureThreshold consecutive
// failures open it, OpenFor later it is half-open, SuccessThreshold consecutive
// successes then close it, any failure there opens it again. While it is
// half-open, SuccessThreshold calls at most are let through.
//
// A partial failure, of one instance while another works, never opens it: it is
// one of the consecutive failures, but only a failure that speaks for the whole
// target makes them count. As a trial it decides nothing, and another call may
// take its place.
//
// A result counts for the state in which its call began: one that arrives after
// a change of state changes nothing. A panic counts as a failure.
type Breaker struct {
	target   string
	cfg      BreakerConfig
	classify Classifier
	refused  atomic.Uint64
	slow     atomic.Uint64
	journal  journal

	mu     sync.Mutex
	state  State
	term   uint64 // rises with each change of state: what a result belongs to
	trials int    // places taken while half-open
	opened time.Time
	early  bool // an open time was ended early, and nothing has shown since that it was right
	counts Counts
}

// BreakerStats are a breaker's figures at one moment.
type BreakerStats struct {
	State State `json:"state"`
	// RemainingOpen is the time until the breaker is half-open, and 0 when it
	// is not open.
	RemainingOpen Seconds `json:"remainingOpenSeconds"`
	Counts        Counts  `json:"counts"`
	Refused       uint64  `json:"refused"`   // calls refused, in total
	SlowCalls     uint64  `json:"slowCalls"` // calls answered, but too late, in total
}

// NewBreaker returns a closed breaker. What is not set in cfg has the target's
// default; a nil classifier is AnyErrorFails. The observer, which may be nil,
// hears of each transition once and in order, on the goroutine of some call; it
// may ask the breaker for its state.
func NewBreaker(target string, cfg BreakerConfig, classifier Classifier, observer func(Transition)) *Breaker {
	if classifier == nil {
		classifier = AnyErrorFails
	}
	return &Breaker{
		target:   target,
		cfg:      Config{Breaker: cfg}.WithDefaults(target).Breaker,
		classify: classifier,
		journal:  journal{observer: observer},
	}
}

// Do runs fn unless the breaker refuses it with a *BreakerOpenError. It returns
// fn's error unchanged, and judges the result by Judge.
func (b *Breaker) Do(ctx context.Context, fn func(ctx context.Context) error) error {
	return b.Run(ctx, func(ctx context.Context) (Outcome, error) {
		began := time.Now()
		err := fn(ctx)
		return b.Judge(ctx, err, time.Since(began)), err
	})
}

// Run is Do for a call that says itself what its result means for the target.
func (b *Breaker) Run(ctx context.Context, fn func(ctx context.Context) (Outcome, error)) error {
	defer b.journal.report()
	term, err := b.admit()
	if err != nil {
		return err
	}
	outcome := Failure // of a panic
	defer func() { b.count(term, outcome) }()
	outcome, err = fn(ctx)
	return err
}

// Judge says what a result means for the target, and notes when it is slow: a
// cancelled call means nothing, a call over the limit of slow calls is a
// failure even though it was answered, and for the rest the classifier is
// asked. Ctx is the caller's; took is the time from the call to its answer.
func (b *Breaker) Judge(ctx context.Context, err error, took time.Duration) Outcome {
	outcome := classify(ctx, err, b.classify)
	if outcome == Success && b.cfg.SlowCall > 0 && took > b.cfg.SlowCall {
		b.slow.Add(1)
		return Failure
	}
	return outcome
}

// TryEarly ends the open time at once when the breaker opened before the time
// given, which is when the target changed so that its failures say little any
// more: a new instance of it has come up. It reports whether it did.
//
// That is safe also when the change does not help: the breaker is half-open, not
// closed, so that a few trial calls decide, and one failure opens it again. It
// then stays open for its whole time, whatever changes in between: a target that
// changes all the time is tried early once in each open time, not all the time.
func (b *Breaker) TryEarly(changed time.Time) bool {
	defer b.journal.report()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tick()
	if b.state != Open || b.early || !changed.After(b.opened) {
		return false
	}
	b.enter(HalfOpen, true)
	b.early = true
	return true
}

// State returns the current state. A breaker whose open time is over is
// half-open, also when no call has come since.
func (b *Breaker) State() State { return b.Stats().State }

// Counts returns the results since the breaker entered its state.
func (b *Breaker) Counts() Counts { return b.Stats().Counts }

// RemainingOpen is the time until the breaker is half-open, and 0 when it is
// not open.
func (b *Breaker) RemainingOpen() time.Duration { return time.Duration(b.Stats().RemainingOpen) }

// Refused is how many calls the breaker has refused since it was made.
func (b *Breaker) Refused() uint64 { return b.refused.Load() }

// Stats returns the figures of this moment.
func (b *Breaker) Stats() BreakerStats {
	defer b.journal.report()
	b.mu.Lock()
	defer b.mu.Unlock()
	return BreakerStats{
		RemainingOpen: Seconds(b.tick()),
		State:         b.state,
		Counts:        b.counts,
		Refused:       b.refused.Load(),
		SlowCalls:     b.slow.Load(),
	}
}

// admit lets a call through, or refuses it.
func (b *Breaker) admit() (term uint64, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	remaining := b.tick()
	if b.state == Open || b.state == HalfOpen && b.trials >= b.cfg.SuccessThreshold {
		b.refused.Add(1)
		return 0, &BreakerOpenError{Target: b.target, RetryAfter: remaining}
	}
	if b.state == HalfOpen {
		b.trials++
	}
	b.counts.Requests++
	return b.term, nil
}

// count takes the result of a call that was let through in the term.
func (b *Breaker) count(term uint64, outcome Outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if term != b.term {
		return
	}
	switch outcome {
	case Success:
		b.counts.succeeded()
		if b.state == HalfOpen && int(b.counts.ConsecutiveSuccesses) >= b.cfg.SuccessThreshold {
			b.enter(Closed, false)
			b.early = false
		}
	case Failure:
		b.counts.failed()
		if b.state == HalfOpen || int(b.counts.ConsecutiveFailures) >= b.cfg.FailureThreshold {
			b.enter(Open, false)
		}
	case PartialFailure:
		b.counts.PartialFailures++
		if b.state == HalfOpen {
			b.trials--
		} else {
			b.counts.failed()
		}
	case Ignored:
		b.counts.Ignored++
		if b.state == HalfOpen {
			b.trials--
		}
	}
}

// tick makes the breaker half-open when its open time is over, and returns what
// is left of it otherwise. The caller holds the lock.
func (b *Breaker) tick() (remaining time.Duration) {
	if b.state != Open {
		return 0
	}
	if remaining = b.cfg.OpenFor - time.Since(b.opened); remaining <= 0 {
		b.enter(HalfOpen, false)
		b.early = false
		return 0
	}
	return remaining
}

// enter changes the state. The caller holds the lock.
func (b *Breaker) enter(state State, early bool) {
	now := time.Now()
	b.journal.record(Transition{Target: b.target, From: b.state, To: state, At: now, Early: early})
	b.state = state
	b.term++
	b.trials = 0
	b.counts = Counts{}
	if state == Open {
		b.opened = now
	}
}
