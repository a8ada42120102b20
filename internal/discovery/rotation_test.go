package discovery

import (
	"encoding/json"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"orderflow/internal/resilience"
)

func newTestRotation(log *zap.Logger, balance Balance, instances ...Instance) *rotation {
	r := &rotation{balance: balance.withDefaults(), epoch: time.Now(), log: log}
	r.publish(instances)
	return r
}

// rotationTest runs f in a bubble with a rotation over the instances.
func rotationTest(t *testing.T, f func(t *testing.T, r *rotation), instances ...Instance) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, newTestRotation(zaptest.NewLogger(t), Balance{}, instances...)) })
}

func pick(t require.TestingT, r *rotation) Pick {
	p, ok := r.pick()
	require.True(t, ok)
	return p
}

// pickFrom returns a call to this instance; those that come before it work.
func pickFrom(t *testing.T, r *rotation, id string) Pick {
	t.Helper()
	for range 10 {
		p := pick(t, r)
		if p.Instance.ID == id {
			return p
		}
		p.Done(resilience.Success)
	}
	require.Fail(t, "never chosen", "instance %s", id)
	return Pick{}
}

// endTimes makes n calls to the instance that end so.
func endTimes(t *testing.T, r *rotation, n int, id string, outcome resilience.Outcome) (last resilience.Outcome) {
	t.Helper()
	for range n {
		p := pickFrom(t, r, id)
		last = p.Done(outcome)
	}
	return last
}

// picked makes n calls that work, and returns how many went to each instance.
func picked(t *testing.T, r *rotation, n int) map[string]int {
	t.Helper()
	counts := make(map[string]int)
	for range n {
		p := pick(t, r)
		counts[p.Instance.ID]++
		p.Done(resilience.Success)
	}
	return counts
}

// ejectedIDs are the instances that are out of the rotation.
func ejectedIDs(r *rotation) []string {
	ids := []string{}
	for _, instance := range r.status().Instances {
		if instance.Ejected {
			ids = append(ids, instance.ID)
		}
	}
	return ids
}

func TestRoundRobinGivesAllThatTakeCallsAnEqualPart(t *testing.T) {
	rotationTest(t, func(t *testing.T, r *rotation) {
		assert.Equal(t, map[string]int{"a": 100, "b": 100, "c": 100}, picked(t, r, 300))
		r.suspect(instanceB)
		assert.Equal(t, map[string]int{"a": 150, "c": 150}, picked(t, r, 300), "its neighbour does not do the work of two")
	}, instanceA, instanceB, instanceC)
}

func TestLeastInFlightPrefersTheIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRotation(zaptest.NewLogger(t), Balance{Policy: LeastInFlight}, instanceA, instanceB, instanceC)
		// As many calls as come stay under way at b; the others end at once.
		stuck := 0
		for range 300 {
			p := pick(t, r)
			if p.Instance.ID == "b" {
				stuck++
				continue
			}
			p.Done(resilience.Success)
		}
		assert.Equal(t, 1, stuck, "one that hangs gets no second call while the others are idle")
		assert.Equal(t, map[string]int{"a": 150, "c": 150}, picked(t, r, 300), "equals take turns")
	})
}

func TestLeastInFlightSpreadsCallsThatLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRotation(zaptest.NewLogger(t), Balance{Policy: LeastInFlight}, instanceA, instanceB, instanceC)
		for range 30 {
			pick(t, r)
		}
		for _, instance := range r.status().Instances {
			assert.Equal(t, int64(10), instance.InFlight, instance.ID)
		}
	})
}

func TestInstanceThatRestartedIsNewAndClean(t *testing.T) {
	moved, upgraded := instanceB, instanceB
	moved.Port = 99
	upgraded.Version = "v2"
	for name, change := range map[string]func(r *rotation){
		"at another address": func(r *rotation) { r.publish([]Instance{instanceA, moved, instanceC}) },
		"in another version": func(r *rotation) { r.publish([]Instance{instanceA, upgraded, instanceC}) },
		"after it was gone for the longest ejection": func(r *rotation) {
			r.publish([]Instance{instanceA, instanceC})
			advance(5 * time.Minute)
			r.publish([]Instance{instanceA, instanceB, instanceC})
		},
	} {
		t.Run(name, func(t *testing.T) {
			rotationTest(t, func(t *testing.T, r *rotation) {
				endTimes(t, r, 3, "b", resilience.Failure)
				require.Equal(t, []string{"b"}, ejectedIDs(r))
				advance(time.Second)
				assert.Equal(t, int64(0), r.newest.Load())

				change(r)
				status := r.status().Instances[1]
				assert.False(t, status.Ejected)
				assert.Zero(t, status.ConsecutiveFailures)
				assert.Equal(t, time.Now(), status.Since)
				assert.Equal(t, int64(r.now()), r.newest.Load())
				assert.Equal(t, map[string]int{"a": 1, "b": 1, "c": 1}, picked(t, r, 3))
			}, instanceA, instanceB, instanceC)
		})
	}
}

func TestWhatIsKnownOfAnInstanceOutlivesChangesOfOthersAndOfItsLabels(t *testing.T) {
	rotationTest(t, func(t *testing.T, r *rotation) {
		held := pickFrom(t, r, "a")
		endTimes(t, r, 3, "b", resilience.Failure)
		advance(time.Second)
		labelled := instanceB
		labelled.Metadata = map[string]string{"zone": "z"}

		require.True(t, r.publish([]Instance{instanceA, labelled}))
		require.False(t, r.publish([]Instance{instanceA, labelled}), "nothing is new")
		assert.Equal(t, []string{"b"}, ejectedIDs(r))
		assert.Equal(t, labelled, r.status().Instances[1].Instance)
		assert.Equal(t, int64(1), r.status().Instances[0].InFlight)
		assert.Zero(t, r.newest.Load(), "nobody joined")
		held.Done(resilience.Success)
		assert.Zero(t, r.status().Instances[0].InFlight)
	}, instanceA, instanceB, instanceC)
}

func TestResultOfAnInstanceThatIsGoneChangesNothing(t *testing.T) {
	rotationTest(t, func(t *testing.T, r *rotation) {
		endTimes(t, r, 2, "b", resilience.Failure)
		late := pickFrom(t, r, "b")
		r.publish([]Instance{instanceA, instanceC})
		assert.Equal(t, resilience.PartialFailure, late.Done(resilience.Failure))
		assert.Zero(t, r.status().Ejections)
	}, instanceA, instanceB, instanceC)
}

func TestPickThatNobodyFollows(t *testing.T) {
	p := Pick{Instance: instanceA}
	assert.Equal(t, resilience.Failure, p.Done(resilience.Failure))
}

func TestWatchedFollowsItsPicks(t *testing.T) {
	source := newFakeSource(instanceA, instanceB)
	watchedTest(t, source, func(t *testing.T, w *Watched) {
		assert.Empty(t, w.Status("payment").Instances, "nobody has asked for it yet")
		assert.Zero(t, w.Newest("payment"))

		p, err := w.Pick(t.Context(), "payment")
		require.NoError(t, err)
		status := w.Status("payment")
		require.Len(t, status.Instances, 2)
		assert.Equal(t, int64(1), status.Instances[0].InFlight+status.Instances[1].InFlight)
		assert.Equal(t, time.Now(), w.Newest("payment"))
		p.Done(resilience.Success)

		advance(pause)
		source.have()
		_, err = w.Pick(t.Context(), "payment")
		require.ErrorIs(t, err, ErrNoAvailableInstance)
		assert.Zero(t, w.Newest("payment"), "nobody is there to be tried")
	})
	assert.Nil(t, (&Watched{}).asked("payment"))
}

func TestPickOfAClosedResolverFails(t *testing.T) {
	watchedTest(t, newFakeSource(instanceA), func(t *testing.T, w *Watched) {
		require.NoError(t, w.Close())
		_, err := w.Pick(t.Context(), "payment")
		require.ErrorIs(t, err, ErrInstancesUnknown)
	})
}

func TestPickAllocatesNothingAlsoWhenAnInstanceIsEjected(t *testing.T) {
	for _, policy := range []Policy{RoundRobin, LeastInFlight} {
		r := newTestRotation(zap.NewNop(), Balance{Policy: policy}, instanceA, instanceB, instanceC)
		call := func() {
			p, _ := r.pick()
			p.Done(resilience.Success)
		}
		assert.Zero(t, testing.AllocsPerRun(1_000, call))
		endTimes(t, r, 3, "b", resilience.Failure)
		require.NotEmpty(t, ejectedIDs(r))
		assert.Zero(t, testing.AllocsPerRun(1_000, call))
	}
}

func TestTenThousandCallsLeaveNoneInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRotation(zap.NewNop(), Balance{Policy: LeastInFlight}, instanceA, instanceB, instanceC)
		var calls sync.WaitGroup
		for i := range 10_000 {
			calls.Go(func() {
				advanceOnly(rand.N(time.Minute))
				if i%100 == 0 {
					r.publish([][]Instance{{instanceA, instanceB}, {instanceA, instanceB, instanceC}}[rand.N(2)])
				}
				p := pick(t, r)
				advanceOnly(rand.N(time.Second))
				p.Done(resilience.Outcome(rand.N(3)))
				assert.LessOrEqual(t, len(ejectedIDs(r)), 1)
			})
		}
		calls.Wait()
		for _, instance := range r.status().Instances {
			assert.Zero(t, instance.InFlight)
		}
	})
}

// advanceOnly lets virtual time pass for this goroutine.
func advanceOnly(d time.Duration) { <-time.After(d) }

func TestStatusIsReadableAsJSON(t *testing.T) {
	rotationTest(t, func(t *testing.T, r *rotation) {
		endTimes(t, r, 3, "b", resilience.Failure)
		text, err := json.Marshal(r.status())
		require.NoError(t, err)
		for _, part := range []string{
			`"id":"b"`, `"host":"127.0.0.1"`, `"consecutiveFailures":3`, `"ejected":true`, `"ejectedUntil":"2000-01-01T`, `"ejections":1`,
		} {
			assert.Contains(t, string(text), part)
		}
		var read Status
		require.NoError(t, json.Unmarshal(text, &read))
		assert.True(t, read.Instances[1].Ejected)
		assert.Zero(t, read.Instances[0].EjectedUntil)
	}, instanceA, instanceB)
}

func TestWrongBalanceIsRefused(t *testing.T) {
	assert.NoError(t, Balance{}.Validate())
	assert.NoError(t, Balance{Policy: LeastInFlight, Ejection: Ejection{Failures: 5, BaseTime: time.Hour}}.Validate())
	err := Balance{Policy: "random", Ejection: Ejection{Failures: -1, BaseTime: -1, MaxTime: time.Second}}.Validate()
	for _, part := range []string{"random", "after -1 failures", "base time", "max time 1s"} {
		assert.ErrorContains(t, err, part)
	}
	assert.Equal(t, time.Hour, Balance{Ejection: Ejection{BaseTime: time.Hour}}.withDefaults().Ejection.MaxTime)
}
