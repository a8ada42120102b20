package discovery

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"
)

// fakeSource answers blocking queries from memory, as Consul does.
type fakeSource struct {
	mu        sync.Mutex
	changed   chan struct{} // closed and replaced at each change
	index     uint64
	instances []Instance
	failure   error
	silent    bool
	queries   int
	lastIndex uint64 // that the last query came with
}

func newFakeSource(instances ...Instance) *fakeSource {
	return &fakeSource{changed: make(chan struct{}), index: 10, instances: instances}
}

// set changes the source and wakes the queries that wait.
func (s *fakeSource) set(change func(*fakeSource)) {
	s.mu.Lock()
	change(s)
	close(s.changed)
	s.changed = make(chan struct{})
	s.mu.Unlock()
	synctest.Wait()
}

func (s *fakeSource) have(instances ...Instance) {
	s.set(func(s *fakeSource) { s.index++; s.instances = instances })
}

// asked is how often the source was asked.
func (s *fakeSource) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queries
}

func (s *fakeSource) waitHealthy(ctx context.Context, _ string, index uint64, wait time.Duration) ([]Instance, uint64, error) {
	s.mu.Lock()
	s.queries++
	s.lastIndex = index
	s.mu.Unlock()
	over := time.After(wait)
	for {
		s.mu.Lock()
		failure, silent, changed := s.failure, s.silent, s.changed
		instances, now := s.instances, s.index
		s.mu.Unlock()
		switch {
		case failure != nil:
			return nil, 0, failure
		case !silent && index != now:
			return instances, now, nil
		}
		select {
		case <-changed:
		case <-over:
			return instances, now, nil
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		}
	}
}

// watchedTest runs f in a bubble with a resolver on the source.
func watchedTest(t *testing.T, source *fakeSource, f func(t *testing.T, w *Watched)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		source.changed = make(chan struct{}) // belongs to the bubble
		w := newWatched(source, zaptest.NewLogger(t))
		defer func() { assert.NoError(t, w.Close()) }()
		f(t, w)
	})
}

// turns returns the IDs that the next n questions are answered with.
func turns(t *testing.T, w *Watched, n int) []string {
	t.Helper()
	ids := make([]string, 0, n)
	for range n {
		instance, err := w.Next(t.Context(), "payment")
		require.NoError(t, err)
		ids = append(ids, instance.ID)
	}
	return ids
}

var (
	instanceA = testInstance("a", 1)
	instanceB = testInstance("b", 2)
	instanceC = testInstance("c", 3)
)

func TestNextTakesTurns(t *testing.T) {
	watchedTest(t, newFakeSource(instanceA, instanceB, instanceC), func(t *testing.T, w *Watched) {
		ids := turns(t, w, 6)
		assert.ElementsMatch(t, []string{"a", "b", "c"}, ids[:3])
		assert.Equal(t, ids[:3], ids[3:])
	})
}

func TestNextWaitsForTheFirstAnswer(t *testing.T) {
	source := newFakeSource(instanceA)
	source.silent = true
	watchedTest(t, source, func(t *testing.T, w *Watched) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := w.Next(ctx, "payment")
		require.ErrorIs(t, err, ErrInstancesUnknown)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, ErrNoAvailableInstance, "unknown is not empty")

		go source.set(func(s *fakeSource) { s.silent = false })
		assert.Equal(t, []string{"a"}, turns(t, w, 1))
	})
}

func TestUnknownInstancesComeWithTheReason(t *testing.T) {
	source := newFakeSource()
	source.failure = errAway
	watchedTest(t, source, func(t *testing.T, w *Watched) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := w.Next(ctx, "payment")
		require.ErrorIs(t, err, ErrInstancesUnknown)
		assert.ErrorIs(t, err, errAway)
	})
}

func TestEmptyIsKnownAtOnce(t *testing.T) {
	watchedTest(t, newFakeSource(), func(t *testing.T, w *Watched) {
		_, err := w.Next(t.Context(), "payment")
		require.ErrorIs(t, err, ErrNoAvailableInstance)
	})
}

func TestChangesAreSeenAtOnceAndAlsoTheLastInstanceCanGo(t *testing.T) {
	source := newFakeSource(instanceA)
	watchedTest(t, source, func(t *testing.T, w *Watched) {
		require.Equal(t, []string{"a"}, turns(t, w, 1))
		advance(time.Minute)

		source.have(instanceA, instanceB)
		assert.ElementsMatch(t, []string{"a", "b"}, turns(t, w, 2))
		advance(pause)
		source.have()
		_, err := w.Next(t.Context(), "payment")
		assert.ErrorIs(t, err, ErrNoAvailableInstance)
	})
}

func TestQuietRegistryIsAskedAgainWithinTheStaleness(t *testing.T) {
	source := newFakeSource(instanceA)
	watchedTest(t, source, func(t *testing.T, w *Watched) {
		turns(t, w, 1)
		set := w.watches["payment"].rotation.current.Load()
		advance(5 * time.Minute)
		assert.InDelta(t, 10, source.asked(), 2)
		assert.Same(t, set, w.watches["payment"].rotation.current.Load(), "a wake-up without a change changes nothing")
	})
}

func TestRegistryThatDoesNotBlockIsNotAskedAllTheTime(t *testing.T) {
	source := newFakeSource(instanceA)
	watchedTest(t, source, func(t *testing.T, w *Watched) {
		turns(t, w, 1)
		for range 1_000 {
			source.set(func(s *fakeSource) { s.index++ })
			advance(time.Millisecond)
		}
		assert.LessOrEqual(t, source.asked(), 1+int(time.Second/pause)+1)
	})
}

func TestLastKnownInstancesStayWhileTheRegistryIsAway(t *testing.T) {
	source := newFakeSource(instanceA, instanceB)
	watchedTest(t, source, func(t *testing.T, w *Watched) {
		turns(t, w, 1)
		source.set(func(s *fakeSource) { s.failure = errAway })
		before := source.asked()
		advance(10 * time.Minute)
		assert.ElementsMatch(t, []string{"a", "b"}, turns(t, w, 2))

		asked := source.asked() - before
		assert.Greater(t, asked, int(10*time.Minute/lastBackoff))
		assert.Less(t, asked, 3*int(10*time.Minute/lastBackoff), "it backs off")
		source.set(func(s *fakeSource) {
			assert.Zero(t, s.lastIndex, "what comes back may have another history")
			s.failure = nil
			s.instances = []Instance{instanceC}
		})
		advance(lastBackoff)
		assert.Equal(t, []string{"c"}, turns(t, w, 1))
	})
}

func TestEmptyAnswerOfARegistryWithoutItsMemoryIsNotBelievedAtOnce(t *testing.T) {
	loseMemory := map[string]func(*fakeSource){
		"after it was away":            func(s *fakeSource) { s.failure = errAway },
		"when its index goes back":     func(s *fakeSource) { s.index = 2; s.instances = nil },
		"when it is away for a moment": func(s *fakeSource) { s.failure = errAway; s.index = 2 },
	}
	for name, lose := range loseMemory {
		t.Run(name, func(t *testing.T) {
			source := newFakeSource(instanceA)
			watchedTest(t, source, func(t *testing.T, w *Watched) {
				turns(t, w, 1)
				advance(time.Second)
				source.set(lose)
				source.set(func(s *fakeSource) { s.failure = nil; s.instances = nil })
				advance(grace - 100*time.Millisecond)
				assert.Equal(t, []string{"a"}, turns(t, w, 1))

				advance(time.Second)
				_, err := w.Next(t.Context(), "payment")
				assert.ErrorIs(t, err, ErrNoAvailableInstance, "but in the end it is")
			})
		})
	}
}

func TestInstancesThatComeBackWithinTheGraceAreUsed(t *testing.T) {
	source := newFakeSource(instanceA)
	watchedTest(t, source, func(t *testing.T, w *Watched) {
		turns(t, w, 1)
		source.set(func(s *fakeSource) { s.index = 2; s.instances = nil })
		advance(time.Second)
		source.have(instanceB)
		assert.Equal(t, []string{"b"}, turns(t, w, 1))
		advance(time.Minute)
		assert.Equal(t, []string{"b"}, turns(t, w, 1))
	})
}

func TestFailedInstanceIsPassedOverForAShortTime(t *testing.T) {
	watchedTest(t, newFakeSource(instanceA, instanceB, instanceC), func(t *testing.T, w *Watched) {
		turns(t, w, 1)
		w.Failed(instanceB)
		assert.NotContains(t, turns(t, w, 6), "b")

		advance(suspicion)
		assert.Contains(t, turns(t, w, 3), "b")
	})
}

func TestSuspicionOutlivesAChangeButNotAMove(t *testing.T) {
	source := newFakeSource(instanceA, instanceB)
	watchedTest(t, source, func(t *testing.T, w *Watched) {
		turns(t, w, 1)
		w.Failed(instanceB)
		advance(pause)
		source.have(instanceA, instanceB, instanceC)
		assert.NotContains(t, turns(t, w, 6), "b")

		advance(pause)
		source.have(instanceA, testInstance("b", 99))
		assert.Contains(t, turns(t, w, 2), "b", "it restarted on another port")
	})
}

func TestAllAreUsedWhenAllAreSuspects(t *testing.T) {
	watchedTest(t, newFakeSource(instanceA, instanceB), func(t *testing.T, w *Watched) {
		turns(t, w, 1)
		w.Failed(instanceA)
		w.Failed(instanceB)
		assert.ElementsMatch(t, []string{"a", "b"}, turns(t, w, 2))
	})
}

func TestFailureOfAnUnknownInstanceChangesNothing(t *testing.T) {
	watchedTest(t, newFakeSource(instanceA), func(t *testing.T, w *Watched) {
		w.Failed(instanceA) // nobody has asked for the service
		turns(t, w, 1)
		w.Failed(instanceB)
		assert.Equal(t, []string{"a"}, turns(t, w, 1))
	})
}

func TestClosedResolverSaysSo(t *testing.T) {
	watchedTest(t, newFakeSource(instanceA), func(t *testing.T, w *Watched) {
		turns(t, w, 1)
		require.NoError(t, w.Close())
		for _, service := range []string{"payment", "order"} {
			_, err := w.Next(t.Context(), service)
			require.ErrorIs(t, err, ErrInstancesUnknown)
			require.ErrorIs(t, err, errClosed)
		}
		assert.NoError(t, w.Close(), "a second time does nothing")
	})
}

func TestCloseFreesThoseWhoWait(t *testing.T) {
	source := newFakeSource()
	source.silent = true
	watchedTest(t, source, func(t *testing.T, w *Watched) {
		failed := make(chan error)
		go func() {
			_, err := w.Next(t.Context(), "payment")
			failed <- err
		}()
		synctest.Wait()
		go func() { assert.NoError(t, w.Close()) }()
		assert.ErrorIs(t, <-failed, errClosed)
	})
}

func TestOneWatchPerServiceWhateverAsksAtOnce(t *testing.T) {
	source := newFakeSource(instanceA)
	watchedTest(t, source, func(t *testing.T, w *Watched) {
		var callers sync.WaitGroup
		for range 100 {
			callers.Go(func() {
				_, err := w.Next(t.Context(), "payment")
				assert.NoError(t, err)
			})
		}
		callers.Wait()
		assert.Len(t, w.watches, 1)
	})
}

func TestNextAllocatesNothing(t *testing.T) {
	w := newWatched(newFakeSource(instanceA, instanceB), zaptest.NewLogger(t))
	defer func() { assert.NoError(t, w.Close()) }()
	turns(t, w, 1)
	ctx := t.Context()
	assert.Zero(t, testing.AllocsPerRun(1_000, func() { _, _ = w.Next(ctx, "payment") }))
}

func TestBackoffGrowsToItsBoundAndDiffersBetweenProcesses(t *testing.T) {
	seen := make(map[time.Duration]bool)
	for range 100 {
		seen[backoff(1)] = true
	}
	assert.Greater(t, len(seen), 50)
	for failures := 1; failures < 100; failures++ {
		d := backoff(failures)
		assert.GreaterOrEqual(t, d, firstBackoff/2)
		assert.LessOrEqual(t, d, lastBackoff)
		if failures > 6 {
			assert.GreaterOrEqual(t, d, lastBackoff/2)
		}
	}
}
