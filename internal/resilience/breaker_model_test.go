package resilience

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// breakerModel is the CircuitBreaker of the brief, line by line, with the
// design's refinements: it lets no more trial calls through than it needs, a
// result counts only for the generation in which its call began, some results
// count as nothing, a partial failure opens nothing, and the open time can be
// ended early, but not twice in a row.
type breakerModel struct {
	failureThreshold, successThreshold int
	timeout                            time.Duration

	state                      State
	failureCount, successCount int
	opened                     time.Time
	triedEarly                 bool
	generation, trials         int
}

func (m *breakerModel) enter(state State) {
	m.state = state
	m.generation++
	m.failureCount, m.successCount, m.trials = 0, 0, 0
	if state == Open {
		m.opened = time.Now()
	}
}

func (m *breakerModel) tick() {
	if m.state == Open && time.Since(m.opened) >= m.timeout {
		m.triedEarly = false
		m.enter(HalfOpen)
	}
}

func (m *breakerModel) admits() bool {
	m.tick()
	switch m.state {
	case Open:
		return false
	case HalfOpen:
		if m.trials == m.successThreshold {
			return false
		}
		m.trials++
	case Closed:
	}
	return true
}

func (m *breakerModel) finish(generation int, outcome Outcome) {
	m.tick()
	if generation != m.generation {
		return
	}
	switch outcome {
	case Ignored:
		m.trials--
	case PartialFailure:
		if m.state == HalfOpen {
			m.trials--
		} else {
			m.failureCount++
		}
	case Success:
		if m.state == HalfOpen {
			m.successCount++
			if m.successCount >= m.successThreshold {
				m.triedEarly = false
				m.enter(Closed)
			}
		} else {
			m.failureCount = 0
		}
	case Failure:
		m.failureCount++
		if m.state == HalfOpen || m.failureCount >= m.failureThreshold {
			m.enter(Open)
		}
	}
}

// pendingCall is a call that waits inside the breaker to be told its end.
type pendingCall struct {
	generation int
	cancel     context.CancelFunc
	end        chan error
	panics     chan struct{}
}

// breakerMachine drives a breaker and its model.
type breakerMachine struct {
	breaker *Breaker
	model   breakerModel
	pending []pendingCall
}

func (m *breakerMachine) begin(t *rapid.T) {
	ctx, cancel := context.WithCancel(context.Background())
	call := pendingCall{cancel: cancel, end: make(chan error), panics: make(chan struct{})}
	want := m.model.admits()
	call.generation = m.model.generation

	admitted, refused := false, error(nil)
	go func() {
		defer func() { _ = recover() }()
		refused = m.breaker.Do(ctx, func(ctx context.Context) error {
			admitted = true
			select {
			case err := <-call.end:
				return err
			case <-call.panics:
				panic("broken")
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	synctest.Wait()
	if admitted != want {
		t.Fatalf("admitted %v, the model says %v", admitted, want)
	}
	if admitted {
		m.pending = append(m.pending, call)
		return
	}
	cancel()
	var open *BreakerOpenError
	if !errors.As(refused, &open) {
		t.Fatalf("refused with %v", refused)
	}
	wantAfter := time.Duration(0)
	if m.model.state == Open {
		wantAfter = m.model.timeout - time.Since(m.model.opened)
	}
	if open.RetryAfter != wantAfter {
		t.Fatalf("retry after %s, the model says %s", open.RetryAfter, wantAfter)
	}
}

// finish ends one of the pending calls in the given way.
func (m *breakerMachine) finish(outcome Outcome, end func(pendingCall)) func(*rapid.T) {
	return func(t *rapid.T) {
		if len(m.pending) == 0 {
			t.Skip("no call is under way")
		}
		i := rapid.IntRange(0, len(m.pending)-1).Draw(t, "call")
		call := m.pending[i]
		m.pending = slices.Delete(m.pending, i, i+1)
		end(call)
		synctest.Wait()
		call.cancel()
		m.model.finish(call.generation, outcome)
	}
}

// tryEarly tells the breaker of a change before, at or after the time at which
// it opened.
func (m *breakerMachine) tryEarly(t *rapid.T) {
	m.model.tick()
	offset := time.Duration(rapid.IntRange(-1, 1).Draw(t, "nanosecondsAfterOpening"))
	want := m.model.state == Open && offset > 0 && !m.model.triedEarly
	if got := m.breaker.TryEarly(m.model.opened.Add(offset)); got != want {
		t.Fatalf("tried early: %v, the model says %v", got, want)
	}
	if want {
		m.model.triedEarly = true
		m.model.enter(HalfOpen)
	}
}

func (m *breakerMachine) check(t *rapid.T) {
	m.model.tick()
	if got := m.breaker.State(); got != m.model.state {
		t.Fatalf("state %s, the model says %s", got, m.model.state)
	}
	wantRemaining := time.Duration(0)
	if m.model.state == Open {
		wantRemaining = m.model.timeout - time.Since(m.model.opened)
	}
	if got := m.breaker.RemainingOpen(); got != wantRemaining {
		t.Fatalf("open for another %s, the model says %s", got, wantRemaining)
	}
	counts := m.breaker.Counts()
	if m.model.state == Closed && int(counts.ConsecutiveFailures) != m.model.failureCount {
		t.Fatalf("%d consecutive failures, the model says %d", counts.ConsecutiveFailures, m.model.failureCount)
	}
	if m.model.state == HalfOpen && int(counts.ConsecutiveSuccesses) != m.model.successCount {
		t.Fatalf("%d consecutive successes, the model says %d", counts.ConsecutiveSuccesses, m.model.successCount)
	}
}

func TestBreakerBehavesLikeTheBriefs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(inBubble{t}, func(t *rapid.T) {
			cfg := BreakerConfig{
				FailureThreshold: rapid.IntRange(1, 6).Draw(t, "failureThreshold"),
				SuccessThreshold: rapid.IntRange(1, 4).Draw(t, "successThreshold"),
				OpenFor:          time.Duration(rapid.IntRange(1, 30_000).Draw(t, "openForMillis")) * time.Millisecond,
			}
			m := &breakerMachine{
				breaker: NewBreaker("payment", cfg, byError, nil),
				model: breakerModel{
					failureThreshold: cfg.FailureThreshold,
					successThreshold: cfg.SuccessThreshold,
					timeout:          cfg.OpenFor,
				},
			}
			defer func() {
				for _, call := range m.pending {
					call.cancel()
				}
				synctest.Wait()
			}()
			answer := func(err error) func(pendingCall) { return func(c pendingCall) { c.end <- err } }
			t.Repeat(map[string]func(*rapid.T){
				"":         m.check,
				"begin":    m.begin,
				"succeed":  m.finish(Success, answer(nil)),
				"refuse":   m.finish(Success, answer(errRefusal)),
				"fail":     m.finish(Failure, answer(errSick)),
				"failMore": m.finish(Failure, answer(errSick)),
				"failPart": m.finish(PartialFailure, answer(errPart)),
				"panic":    m.finish(Failure, func(c pendingCall) { close(c.panics) }),
				"cancel":   m.finish(Ignored, func(c pendingCall) { c.cancel() }),
				"tryEarly": m.tryEarly,
				"wait": func(t *rapid.T) {
					advance(time.Duration(rapid.Int64Range(1, int64(cfg.OpenFor)).Draw(t, "wait")))
				},
				"waitOpenTime": func(*rapid.T) { advance(cfg.OpenFor) },
			})
		})
	})
}
