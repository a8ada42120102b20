package discovery

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"pgregory.net/rapid"

	"orderflow/internal/resilience"
)

// outlierModel is the rule of ejection for a set that does not change, written
// without regard to concurrency.
type outlierModel struct {
	cfg       Ejection
	instances []modelInstance
}

type modelInstance struct {
	failures, term, underWay int
	ejected, probing         bool
	until, returned          time.Time
	lasted                   time.Duration
}

// modelCall is a call that is under way.
type modelCall struct {
	at, term int
	probe    bool
	pick     Pick
}

func (m *outlierModel) ejected() (count int) {
	for _, i := range m.instances {
		if i.ejected {
			count++
		}
	}
	return count
}

// dueForProbe are the instances of which one must be chosen next, if any.
func (m *outlierModel) dueForProbe() (due []int) {
	for at, i := range m.instances {
		if i.ejected && !i.probing && !time.Now().Before(i.until) {
			due = append(due, at)
		}
	}
	return due
}

func (m *outlierModel) end(c modelCall, outcome resilience.Outcome) resilience.Outcome {
	i := &m.instances[c.at]
	i.underWay--
	if c.probe {
		i.probing = false
	}
	if c.term == i.term {
		m.record(i, c.probe, outcome)
	}
	if outcome == resilience.Failure {
		for at, other := range m.instances {
			if at != c.at && !other.ejected && other.failures == 0 {
				return resilience.PartialFailure
			}
		}
	}
	return outcome
}

func (m *outlierModel) record(i *modelInstance, probe bool, outcome resilience.Outcome) {
	switch outcome {
	case resilience.Success:
		i.failures = 0
		if probe {
			i.ejected, i.returned = false, time.Now()
			i.term++
		}
	case resilience.Failure:
		i.failures++
		if !probe && (i.failures < m.cfg.Failures || m.ejected() >= len(m.instances)/2) {
			return
		}
		fresh := i.lasted == 0 || !i.ejected && time.Since(i.returned) >= i.lasted
		if i.lasted = min(2*i.lasted, m.cfg.MaxTime); fresh {
			i.lasted = m.cfg.BaseTime
		}
		i.ejected, i.until = true, time.Now().Add(i.lasted)
		i.term++
	default:
	}
}

func TestEjectionFollowsItsRule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(inBubble{t}, func(t *rapid.T) {
			n := rapid.IntRange(1, 6).Draw(t, "instances")
			cfg := Ejection{
				Failures: rapid.IntRange(1, 4).Draw(t, "failures"),
				BaseTime: time.Second,
				MaxTime:  5 * time.Second,
			}
			policy := rapid.SampledFrom([]Policy{RoundRobin, LeastInFlight}).Draw(t, "policy")
			model := outlierModel{cfg: cfg, instances: make([]modelInstance, n)}
			var instances []Instance
			for i := range n {
				instances = append(instances, testInstance(fmt.Sprint(i), 1+i))
			}
			r := newTestRotation(zap.NewNop(), Balance{Policy: policy, Ejection: cfg}, instances...)
			var calls []modelCall

			begin := func(t *rapid.T) {
				due := model.dueForProbe()
				p, ok := r.pick()
				if !ok {
					t.Fatal("no instance chosen")
				}
				at := p.Instance.Port - 1
				i := &model.instances[at]
				if len(due) > 0 && !slices.Contains(due, at) {
					t.Fatalf("chosen %d, a probe of one of %v is due", at, due)
				}
				if len(due) == 0 && i.ejected {
					t.Fatalf("chosen %d, which is ejected", at)
				}
				if policy == LeastInFlight && len(due) == 0 {
					for other, candidate := range model.instances {
						if !candidate.ejected && candidate.underWay < i.underWay {
							t.Fatalf("chosen %d with %d calls, %d has %d", at, i.underWay, other, candidate.underWay)
						}
					}
				}
				i.underWay++
				i.probing = i.probing || len(due) > 0
				calls = append(calls, modelCall{at, i.term, len(due) > 0, p})
			}
			end := func(outcome resilience.Outcome) func(*rapid.T) {
				return func(t *rapid.T) {
					if len(calls) == 0 {
						t.Skip("no call is under way")
					}
					at := rapid.IntRange(0, len(calls)-1).Draw(t, "call")
					call := calls[at]
					calls = slices.Delete(calls, at, at+1)
					want := model.end(call, outcome)
					if got := call.pick.Done(outcome); got != want {
						t.Fatalf("outcome %v, the model says %v", got, want)
					}
				}
			}
			t.Repeat(map[string]func(*rapid.T){
				"": func(t *rapid.T) {
					if model.ejected() > n/2 {
						t.Fatalf("%d of %d are ejected", model.ejected(), n)
					}
					for at, got := range r.status().Instances {
						want := model.instances[at]
						if got.Ejected != want.ejected || got.Ejected && !got.EjectedUntil.Equal(want.until) ||
							int(got.InFlight) != want.underWay || int(got.ConsecutiveFailures) != want.failures {
							t.Fatalf("instance %d is %+v, the model says %+v", at, got, want)
						}
					}
				},
				"begin":    begin,
				"another":  begin,
				"succeed":  end(resilience.Success),
				"fail":     end(resilience.Failure),
				"failMore": end(resilience.Failure),
				"cancel":   end(resilience.Ignored),
				"wait": func(t *rapid.T) {
					advanceOnly(time.Duration(rapid.IntRange(1, 6_000).Draw(t, "millis")) * time.Millisecond)
				},
			})
		})
	})
}

// inBubble makes rapid run inside a synctest bubble, where a test has no
// deadline and must not be asked for it.
type inBubble struct{ rapid.TB }
