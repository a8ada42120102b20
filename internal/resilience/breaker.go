package resilience

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// State is the state of a circuit breaker.
type State int

// The states of a circuit breaker. Their numbers are those of the metric.
const (
	Closed   State = iota // calls go through, failures are counted
	HalfOpen              // a few trial calls go through
	Open                  // no call goes through
)

// String returns "closed", "half-open" or "open".
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case HalfOpen:
		return "half-open"
	case Open:
		return "open"
	default:
		return fmt.Sprintf("State(%d)", int(s))
	}
}

// MarshalText makes the state a word in JSON.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Counts are the results since the breaker entered its state.
type Counts struct {
	Requests             uint32 `json:"requests"`
	Successes            uint32 `json:"successes"`
	Failures             uint32 `json:"failures"`
	Ignored              uint32 `json:"ignored"`
	ConsecutiveSuccesses uint32 `json:"consecutiveSuccesses"`
	ConsecutiveFailures  uint32 `json:"consecutiveFailures"`
}

// Breaker is a circuit breaker for one target: FailureThreshold consecutive
// failures open it, OpenFor later it is half-open, SuccessThreshold consecutive
// successes then close it, any failure there opens it again.
//
// A result counts for the state in which its call began: one that arrives after
// a change of state changes nothing. A panic counts as a failure.
type Breaker struct {
	target   string
	openFor  time.Duration
	classify Classifier
	inner    *gobreaker.CircuitBreaker[struct{}]
	refused  atomic.Uint64
	journal  journal
}

// These tell gobreaker a verdict that was reached outside its lock.
var (
	errFailed  = errors.New("failed")
	errIgnored = errors.New("ignored")
)

// NewBreaker returns a closed breaker. What is not set in cfg has the target's
// default; a nil classifier is AnyErrorFails. The observer, which may be nil,
// hears of each transition once and in order, on the goroutine of some call; it
// may ask the breaker for its state.
func NewBreaker(target string, cfg BreakerConfig, classifier Classifier, observer func(Transition)) *Breaker {
	cfg = Config{Breaker: cfg}.WithDefaults(target).Breaker
	if classifier == nil {
		classifier = AnyErrorFails
	}
	b := &Breaker{
		target:   target,
		openFor:  cfg.OpenFor,
		classify: classifier,
		journal:  journal{observer: observer},
	}
	threshold := uint32(cfg.FailureThreshold)
	b.inner = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        target,
		MaxRequests: uint32(cfg.SuccessThreshold),
		// gobreaker is half-open only after its timeout, not at it. Without the
		// nanosecond, a caller that waits exactly RetryAfter comes too early.
		Timeout:      max(cfg.OpenFor-time.Nanosecond, time.Nanosecond),
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= threshold },
		IsSuccessful: func(err error) bool { return err == nil },
		IsExcluded:   func(err error) bool { return err == errIgnored }, //nolint:errorlint // this very value
		// It runs under gobreaker's lock: record only.
		OnStateChange: func(_ string, from, to gobreaker.State) {
			b.journal.record(Transition{Target: target, From: stateOf(from), To: stateOf(to), At: time.Now()})
		},
	})
	return b
}

// Do runs fn unless the breaker refuses it with a *BreakerOpenError. It returns
// fn's error unchanged.
func (b *Breaker) Do(ctx context.Context, fn func(ctx context.Context) error) (err error) {
	defer b.journal.report()
	admitted := false
	_, refusal := b.inner.Execute(func() (struct{}, error) {
		admitted = true
		err = fn(ctx)
		return struct{}{}, b.verdict(ctx, err)
	})
	if !admitted {
		return b.refuse(refusal)
	}
	return err
}

func (b *Breaker) verdict(ctx context.Context, err error) error {
	switch classify(ctx, err, b.classify) {
	case Success:
		return nil
	case Ignored:
		return errIgnored
	default:
		return errFailed
	}
}

func (b *Breaker) refuse(refusal error) error {
	b.refused.Add(1)
	e := &BreakerOpenError{Target: b.target}
	if errors.Is(refusal, gobreaker.ErrOpenState) {
		// The time may run out between the refusal and this line; it must not
		// look like half-open.
		e.RetryAfter = max(b.remaining(), time.Nanosecond)
	}
	return e
}

// State returns the current state. A breaker whose open time is over is
// half-open, also when no call has come since.
func (b *Breaker) State() State {
	s := stateOf(b.inner.State())
	b.journal.report()
	return s
}

// Counts returns the results since the breaker entered its state.
func (b *Breaker) Counts() Counts {
	c := b.inner.Counts()
	return Counts{
		Requests:             c.Requests,
		Successes:            c.TotalSuccesses,
		Failures:             c.TotalFailures,
		Ignored:              c.TotalExclusions,
		ConsecutiveSuccesses: c.ConsecutiveSuccesses,
		ConsecutiveFailures:  c.ConsecutiveFailures,
	}
}

// RemainingOpen is the time until the breaker is half-open, and 0 when it is
// not open.
func (b *Breaker) RemainingOpen() time.Duration {
	if b.State() != Open {
		return 0
	}
	return max(b.remaining(), 0)
}

// Refused is how many calls the breaker has refused since it was made.
func (b *Breaker) Refused() uint64 { return b.refused.Load() }

func (b *Breaker) remaining() time.Duration {
	return time.Until(b.journal.lastOpened().Add(b.openFor))
}

func stateOf(s gobreaker.State) State {
	switch s {
	case gobreaker.StateOpen:
		return Open
	case gobreaker.StateHalfOpen:
		return HalfOpen
	default:
		return Closed
	}
}
