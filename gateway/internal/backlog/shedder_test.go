package backlog_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"orderflow/gateway/internal/backlog"
	"orderflow/internal/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// workers are a queue and those who work on it, at a pace, and the server that
// tells of it.
type workers struct {
	mu        sync.Mutex
	waiting   float64
	perSecond float64
	since     time.Time
	most      float64       // that ever waited
	idle      time.Duration // of the workers
	begun     float64
	past      []dispatched // of the last half minute

	remembers time.Duration // an answer
	told      backlog.Stats
	toldAt    time.Time
	asked     int
	err       error
}

// dispatched is how many had been begun at a moment.
type dispatched struct {
	begun float64
	at    time.Time
}

// mean is how many were begun in a second of the last half minute, as a server
// tells it.
func (w *workers) mean() float32 {
	now := time.Now()
	w.past = append(w.past, dispatched{w.begun, now})
	for now.Sub(w.past[0].at) > 30*time.Second {
		w.past = w.past[1:]
	}
	first := w.past[0]
	return float32((w.begun - first.begun) / max(time.Second, now.Sub(first.at)).Seconds())
}

// pass does what has been done since the last time.
func (w *workers) pass() {
	now := time.Now()
	elapsed := now.Sub(w.since)
	w.since = now
	done := min(w.waiting, w.perSecond*elapsed.Seconds())
	w.waiting, w.begun = w.waiting-done, w.begun+done
	if w.perSecond > 0 {
		w.idle += elapsed - time.Duration(done/w.perSecond*float64(time.Second))
	}
}

func (w *workers) add(orders float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pass()
	w.waiting += orders
	w.most = max(w.most, w.waiting)
}

func (w *workers) change(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pass()
	change()
}

func (w *workers) Stats(context.Context) (backlog.Stats, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	if w.err != nil {
		return backlog.Stats{}, w.err
	}
	w.pass()
	if w.toldAt.IsZero() || time.Since(w.toldAt) >= w.remembers {
		w.told, w.toldAt = backlog.Stats{Waiting: int64(w.waiting), Dispatched: w.mean()}, time.Now()
		if w.told.Waiting > 0 {
			w.told.Age = time.Since(time.Unix(0, 0)) // at no two moments the same
		}
	}
	return w.told, nil
}

// run is a shedder at work on a queue, until the test's bubble ends.
func run(t *testing.T, limit int, queue backlog.Queue) (*backlog.Shedder, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	s := backlog.New(limit, queue, zap.New(core))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-ended)
	})
	synctest.Wait()
	return s, logs
}

// enter is what a placement does before it starts an order.
func enter(s *backlog.Shedder) (leave func(started bool), err error) {
	leave, there := s.Enter()
	if !there {
		return nil, s.Refuse()
	}
	return leave, nil
}

// offer has orders come at a pace for some time. Each that is let in waits at
// the workers. It returns how many were, and the refusals of the others.
func offer(t *testing.T, s *backlog.Shedder, w *workers, perSecond int, lasting time.Duration) (accepted int, refusals []*problem.Error) {
	t.Helper()
	ticker := time.NewTicker(time.Second / time.Duration(perSecond))
	defer ticker.Stop()
	for range int(lasting.Seconds() * float64(perSecond)) {
		<-ticker.C
		leave, err := enter(s)
		if err != nil {
			var refusal *problem.Error
			require.ErrorAs(t, err, &refusal)
			require.Equal(t, problem.Unavailable, refusal.Code)
			refusals = append(refusals, refusal)
			continue
		}
		accepted++
		w.add(1)
		leave(true)
	}
	return accepted, refusals
}

// At three times what the workers can do, the backlog stays at its limit, and
// the workers have always something to do: whatever is refused had no room.
// That is so for a server that counts for each question, and for one that
// remembers its answer.
func TestTheBacklogStaysAtItsLimitAndTheWorkersBusy(t *testing.T) {
	const pace = 200
	for _, test := range []struct {
		limit     int
		remembers time.Duration
		retry     time.Duration // in which they begin a quarter of the limit
	}{
		{limit: 2000, remembers: 0, retry: 3 * time.Second},
		{limit: 2000, remembers: time.Second, retry: 3 * time.Second},
		{limit: 2000, remembers: 5 * time.Second, retry: 3 * time.Second},
		{limit: 5 * pace, remembers: 5 * time.Second, retry: 2 * time.Second}, // what they begin until the next answer
	} {
		t.Run(fmt.Sprintf("at a limit of %d, of a server that remembers for %v", test.limit, test.remembers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &workers{perSecond: pace, since: time.Now(), remembers: test.remembers}
				s, _ := run(t, test.limit, w)
				offer(t, s, w, 3*pace, 20*time.Second) // fills it
				w.change(func() { w.idle, w.most = 0, 0 })
				const lasting = 2 * time.Minute
				accepted, refusals := offer(t, s, w, 3*pace, lasting)

				t.Logf("%d accepted, %d refused, at most %.0f waited, workers idle for %v", accepted, len(refusals), w.most, w.idle)
				assert.LessOrEqual(t, w.most, float64(test.limit+pace))
				assert.Less(t, w.idle, lasting/10)
				assert.InEpsilon(t, pace*lasting.Seconds(), float64(accepted), 0.1)
				for _, refusal := range refusals {
					require.InDelta(t, test.retry, refusal.RetryAfter, float64(time.Second))
				}
			})
		})
	}
}

// All workers go: what was let in waits for them, and so much more as the limit
// allows. When they are back, so are the customers.
func TestWithoutWorkersOrdersAreTakenUpToTheLimit(t *testing.T) {
	const limit, pace = 1000, 100
	for _, test := range []struct {
		remembers time.Duration
		believed  int // seconds for which the workers are believed to be there
	}{{0, 2}, {5 * time.Second, 6}} {
		t.Run(fmt.Sprintf("of a server that remembers for %v", test.remembers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &workers{perSecond: pace, since: time.Now(), remembers: test.remembers}
				s, _ := run(t, limit, w)
				_, refusals := offer(t, s, w, pace, 30*time.Second)
				require.Empty(t, refusals)

				w.change(func() { w.perSecond = 0 })
				_, refusals = offer(t, s, w, pace, 9*time.Second)
				require.Empty(t, refusals)
				_, refusals = offer(t, s, w, 10*pace, 20*time.Second)
				assert.GreaterOrEqual(t, w.most, float64(limit))
				assert.LessOrEqual(t, w.most, float64(limit+test.believed*pace))
				require.NotEmpty(t, refusals)
				assert.Equal(t, 30*time.Second, refusals[len(refusals)-1].RetryAfter, "nobody makes room")

				w.change(func() { w.perSecond = 3 * pace })
				_, _ = offer(t, s, w, pace, 10*time.Second) // they have to be noticed
				_, refusals = offer(t, s, w, pace, 30*time.Second)
				assert.Empty(t, refusals)
			})
		})
	}
}

// What has built up while the gateway was away, or was let in by others, is
// known with the first answer, however long that took.
func TestAGatewayThatComesIntoARushKeepsTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, pace = 2000, 150
		w := &workers{perSecond: pace, since: time.Now(), waiting: limit, remembers: 4500 * time.Millisecond}
		s, _ := run(t, limit, w)
		offer(t, s, w, 4*pace, 2*time.Minute)
		assert.LessOrEqual(t, w.most, float64(limit+6*pace))
	})
}

// Time in which the workers had nothing to do is no credit for a rush after it.
func TestIdleTimeIsNoCredit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, pace = 1000, 200
		w := &workers{perSecond: pace, since: time.Now(), remembers: 9 * time.Second}
		s, _ := run(t, limit, w)
		offer(t, s, w, pace, 30*time.Second)
		<-time.After(8 * time.Second)
		w.change(func() { w.perSecond, w.err = 0, errors.New("away") }) // and no more answers
		offer(t, s, w, 20*pace, time.Second)
		assert.LessOrEqual(t, w.most, float64(limit+2*pace))
	})
}

// The workers die at the very moment at which more comes than they could do.
func TestWorkersThatDieWithTheRushAreNotBelievedIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, pace = 1000, 100
		w := &workers{perSecond: pace, since: time.Now()}
		s, _ := run(t, limit, w)
		offer(t, s, w, pace, 30*time.Second)
		w.change(func() { w.perSecond = 0 })
		offer(t, s, w, 10*pace, 10*time.Second)
		assert.GreaterOrEqual(t, w.most, float64(limit))
		assert.LessOrEqual(t, w.most, float64(limit+2*pace))
	})
}

// answers are what a queue says, one after the other; the last one stays.
type answers []backlog.Stats

func (a *answers) Stats(context.Context) (backlog.Stats, error) {
	next := (*a)[0]
	if len(*a) > 1 {
		*a = (*a)[1:]
	}
	return next, nil
}

// Whoever is refused comes back when a quarter of the limit is free, at the pace
// that the server has seen.
func TestRetryAfterFollowsThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := run(t, 100, &answers{{Waiting: 200, Dispatched: 50}, {Waiting: 270, Dispatched: 40}})
		for _, want := range []time.Duration{3 * time.Second, 5 * time.Second} { // for 125 at 50 and 195 at 40 a second
			_, err := enter(s)
			var refusal *problem.Error
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, want, refusal.RetryAfter)
			<-time.After(time.Second)
			synctest.Wait()
		}
	})
}

// A thousand requests between two answers do not all get in.
func TestWhatIsUnderWayCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &workers{since: time.Now()}
		s, _ := run(t, 100, w)
		var inside []func(bool)
		for range 1000 {
			if leave, err := enter(s); err == nil {
				inside = append(inside, leave)
			}
		}
		require.Len(t, inside, 100)

		// Those that were not started leave their room to others, those that were
		// do not.
		for i, leave := range inside {
			leave(i < 60)
		}
		entered := 0
		for range 1000 {
			if leave, err := enter(s); err == nil {
				entered++
				defer leave(false)
			}
		}
		assert.Equal(t, 40, entered)
	})
}

// A server that does not answer for some seconds changes nothing; after that
// nobody knows what waits, and nobody is refused for it.
func TestWhatIsNotKnownRefusesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &workers{since: time.Now(), waiting: 500, err: errors.New("away")}
		s, _ := run(t, 100, w)
		enter := func() error {
			leave, err := enter(s)
			if err == nil {
				leave(false)
			}
			return err
		}
		pass := func(d time.Duration) { <-time.After(d); synctest.Wait() }
		require.NoError(t, enter(), "it was never told")
		w.change(func() { w.err = nil })
		pass(2 * time.Second)
		require.Error(t, enter())
		w.change(func() { w.err = errors.New("away") })
		pass(10 * time.Second)
		require.Error(t, enter())
		pass(10 * time.Second)
		require.NoError(t, enter())
		w.change(func() { w.err = nil })
		pass(2 * time.Second)
		require.Error(t, enter())
	})
}

// hanging is a queue that does not answer.
type hanging struct{ asked int }

func (h *hanging) Stats(ctx context.Context) (backlog.Stats, error) {
	h.asked++
	<-ctx.Done()
	return backlog.Stats{}, ctx.Err()
}

func TestAServerThatHangsIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := &hanging{}
		run(t, 100, h)
		<-time.After(31 * time.Second)
		synctest.Wait()
		assert.InDelta(t, 6, h.asked, 1)
	})
}

func TestWithoutALimitNobodyIsAskedOrRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &workers{since: time.Now(), waiting: 1e9}
		s, _ := run(t, 0, w)
		<-time.After(time.Minute)
		_, refusals := offer(t, s, w, 100, time.Second)
		assert.Empty(t, refusals)
		assert.Zero(t, w.asked)
	})
}

// Whoever reads the log learns that orders are refused, and that this is over:
// not more, however many there are.
func TestTheLogSaysWhenRefusingBeginsAndEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, pace = 1000, 100
		w := &workers{perSecond: pace, since: time.Now()}
		s, logs := run(t, limit, w)
		for range 2 {
			_, refusals := offer(t, s, w, 3*pace, 30*time.Second)
			require.Greater(t, len(refusals), 1000)
			offer(t, s, w, pace/2, 30*time.Second)
			entries := logs.TakeAll()
			require.Len(t, entries, 2)
			assert.Equal(t, zapcore.WarnLevel, entries[0].Level)
			assert.EqualValues(t, limit, entries[0].ContextMap()["limit"])
			assert.Equal(t, zapcore.InfoLevel, entries[1].Level)
			assert.EqualValues(t, len(refusals), entries[1].ContextMap()["refused"])
		}
	})
}
