package discovery

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
	"go.uber.org/zap/zaptest/observer"

	"orderflow/internal/resilience"
)

func TestConsecutiveFailuresEjectAnInstance(t *testing.T) {
	rotationTest(t, func(t *testing.T, r *rotation) {
		endTimes(t, r, 2, "b", resilience.Failure)
		endTimes(t, r, 1, "b", resilience.Success)
		endTimes(t, r, 2, "b", resilience.Failure)
		endTimes(t, r, 5, "b", resilience.Ignored)
		require.Empty(t, ejectedIDs(r))

		endTimes(t, r, 1, "b", resilience.Failure)
		assert.Equal(t, []string{"b"}, ejectedIDs(r))
		assert.Equal(t, map[string]int{"a": 150, "c": 150}, picked(t, r, 300), "it gets room")
		assert.Equal(t, time.Now().Add(10*time.Second), r.status().Instances[1].EjectedUntil)
	}, instanceA, instanceB, instanceC)
}

func TestOneProbeIsMadeAfterTheTimeAndDecides(t *testing.T) {
	rotationTest(t, func(t *testing.T, r *rotation) {
		endTimes(t, r, 3, "b", resilience.Failure)
		advance(10*time.Second - 1)
		require.NotContains(t, picked(t, r, 100), "b")
		advance(1)

		probe := pick(t, r)
		require.Equal(t, "b", probe.Instance.ID)
		require.NotContains(t, picked(t, r, 100), "b", "there is one probe at a time")
		assert.Equal(t, resilience.PartialFailure, probe.Done(resilience.Failure))
		require.NotContains(t, picked(t, r, 100), "b")
		assert.Equal(t, time.Now().Add(20*time.Second), r.status().Instances[1].EjectedUntil)

		advance(20 * time.Second)
		probe = pick(t, r)
		require.Equal(t, "b", probe.Instance.ID)
		probe.Done(resilience.Ignored)
		probe = pick(t, r)
		require.Equal(t, "b", probe.Instance.ID, "one that was cancelled has decided nothing")
		probe.Done(resilience.Success)
		assert.Equal(t, map[string]int{"a": 1, "b": 1, "c": 1}, picked(t, r, 3))
		status := r.status()
		assert.Equal(t, uint64(2), status.Ejections)
		assert.Equal(t, uint64(1), status.Returns)
	}, instanceA, instanceB, instanceC)
}

func TestEjectionGrowsToItsBoundAndBeginsAnewAfterRecovery(t *testing.T) {
	rotationTest(t, func(t *testing.T, r *rotation) {
		lasts := func() time.Duration { return time.Until(r.status().Instances[1].EjectedUntil) }
		endTimes(t, r, 3, "b", resilience.Failure)
		var times []time.Duration
		for range 7 {
			times = append(times, lasts())
			advance(lasts())
			probe := pick(t, r)
			probe.Done(resilience.Failure)
		}
		s := time.Second
		assert.Equal(t, []time.Duration{10 * s, 20 * s, 40 * s, 80 * s, 160 * s, 300 * s, 300 * s}, times)

		advance(lasts())
		endTimes(t, r, 1, "b", resilience.Success)
		advance(299 * time.Second)
		endTimes(t, r, 3, "b", resilience.Failure)
		assert.Equal(t, 300*time.Second, lasts(), "it was back for less than it was away")

		advance(lasts())
		endTimes(t, r, 1, "b", resilience.Success)
		advance(300 * time.Second)
		endTimes(t, r, 3, "b", resilience.Failure)
		assert.Equal(t, 10*time.Second, lasts())
	}, instanceA, instanceB, instanceC)
}

func TestAtMostHalfOfTheInstancesAreEjected(t *testing.T) {
	for n := 1; n <= 7; n++ {
		t.Run(fmt.Sprintf("of %d", n), func(t *testing.T) {
			var instances []Instance
			for i := range n {
				instances = append(instances, testInstance(fmt.Sprintf("i%d", i), 1+i))
			}
			rotationTest(t, func(t *testing.T, r *rotation) {
				for range 100 {
					p := pick(t, r)
					p.Done(resilience.Failure)
				}
				assert.Len(t, ejectedIDs(r), n/2)
			}, instances...)
		})
	}
}

func TestEjectedInstancesAreUsedWhenTooFewAreLeft(t *testing.T) {
	rotationTest(t, func(t *testing.T, r *rotation) {
		endTimes(t, r, 3, "b", resilience.Failure)
		advance(time.Second)
		d := testInstance("d", 4)
		r.publish([]Instance{instanceA, instanceB, instanceC, d})
		endTimes(t, r, 3, "c", resilience.Failure)
		require.Equal(t, []string{"b", "c"}, ejectedIDs(r))

		r.publish([]Instance{instanceA, instanceB, instanceC})
		require.Equal(t, []string{"c"}, ejectedIDs(r), "the one whose time is over first is back")
		r.publish([]Instance{instanceC})
		assert.Empty(t, ejectedIDs(r), "a single one is never ejected")
		assert.Equal(t, map[string]int{"c": 3}, picked(t, r, 3))
		assert.Equal(t, uint64(2), r.status().Returns)
	}, instanceA, instanceB, instanceC)
}

func TestLateResultsOfAnEjectedInstanceChangeNothing(t *testing.T) {
	rotationTest(t, func(t *testing.T, r *rotation) {
		var late []Pick
		for range 6 {
			late = append(late, pickFrom(t, r, "b"))
		}
		for i := range 3 {
			late[i].Done(resilience.Failure)
		}
		advance(5 * time.Second)
		assert.Equal(t, resilience.PartialFailure, late[3].Done(resilience.Failure))
		assert.Equal(t, resilience.Success, late[4].Done(resilience.Success))
		assert.Equal(t, []string{"b"}, ejectedIDs(r))
		assert.Equal(t, 5*time.Second, time.Until(r.status().Instances[1].EjectedUntil))

		advance(5 * time.Second)
		endTimes(t, r, 1, "b", resilience.Success) // the probe
		late[5].Done(resilience.Failure)
		assert.Zero(t, r.status().Instances[1].ConsecutiveFailures, "also when it is back")
	}, instanceA, instanceB, instanceC)
}

func TestFailureIsTheInstancesOwnWhileAnotherDoesWell(t *testing.T) {
	failure, own := resilience.Failure, resilience.PartialFailure
	tests := map[string]struct {
		instances []Instance
		before    func(t *testing.T, r *rotation)
		want      resilience.Outcome // of a failure of a
	}{
		"a single instance":     {[]Instance{instanceA}, nil, failure},
		"another is new":        {[]Instance{instanceA, instanceB}, nil, own},
		"another has worked":    {[]Instance{instanceA, instanceB}, func(t *testing.T, r *rotation) { endTimes(t, r, 1, "b", resilience.Success) }, own},
		"the other fails too":   {[]Instance{instanceA, instanceB}, func(t *testing.T, r *rotation) { endTimes(t, r, 1, "b", failure) }, failure},
		"one of two others":     {[]Instance{instanceA, instanceB, instanceC}, func(t *testing.T, r *rotation) { endTimes(t, r, 1, "b", failure) }, own},
		"the other is ejected":  {[]Instance{instanceA, instanceB}, func(t *testing.T, r *rotation) { endTimes(t, r, 3, "b", failure) }, failure},
		"the other has no door": {[]Instance{instanceA, instanceB}, func(_ *testing.T, r *rotation) { r.suspect(instanceB) }, failure},
		"ejection is off": {[]Instance{instanceA, instanceB}, func(_ *testing.T, r *rotation) {
			r.balance.Ejection.Off = true
		}, failure},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			rotationTest(t, func(t *testing.T, r *rotation) {
				p := pickFrom(t, r, "a")
				if test.before != nil {
					// Calls to a on the way must not end well.
					test.before(t, r)
				}
				assert.Equal(t, test.want, p.Done(resilience.Failure))
			}, test.instances...)
		})
	}
}

func TestEjectionCanBeSwitchedOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestRotation(zaptest.NewLogger(t), Balance{Ejection: Ejection{Off: true}}, instanceA, instanceB)
		assert.Equal(t, resilience.Failure, endTimes(t, r, 100, "b", resilience.Failure))
		assert.Empty(t, ejectedIDs(r))
	})
}

func TestEachEjectionAndReturnIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logs, lines := observer.New(zap.InfoLevel)
		r := newTestRotation(zap.New(logs), Balance{}, instanceA, instanceB)
		held := []Pick{pickFrom(t, r, "b"), pickFrom(t, r, "b")}
		endTimes(t, r, 3, "b", resilience.Failure)
		for i := range held {
			held[i].Done(resilience.Failure)
		}
		advance(10 * time.Second)
		endTimes(t, r, 1, "b", resilience.Success)

		all := lines.All()
		require.Len(t, all, 2)
		assert.Equal(t, zap.WarnLevel, all[0].Level)
		assert.Equal(t, "instance ejected", all[0].Message)
		assert.Equal(t, map[string]any{
			"instanceId": "b", "addr": "127.0.0.1:2", "consecutiveFailures": int32(3), "for": 10 * time.Second,
		}, all[0].ContextMap())
		assert.Equal(t, "ejected instance is back", all[1].Message)
	})
}
