package rpc

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/discovery"
	"orderflow/internal/resilience"
)

func TestOneFailingInstanceOfThreeIsLeftAloneAndTheBreakerStaysClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(map[string]behaviour{"a:1": answering(200), "b:1": answering(503), "c:1": answering(200)})
		c := newFleetClient(t, Config{}, f)
		failed := 0
		for range 300 {
			if get(t.Context(), c) != nil {
				failed++
			}
		}
		assert.Equal(t, 3, failed)
		assert.Equal(t, 3, f.calls("b:1"))
		assert.Equal(t, resilience.Closed, c.guard.Breaker().State())
		bad := instanceOf(t, c, "b:1")
		assert.True(t, bad.Ejected)
		assert.Equal(t, time.Now().Add(10*time.Second), bad.EjectedUntil)

		<-time.After(10 * time.Second)
		f.become("b:1", answering(200))
		for range 300 {
			require.NoError(t, get(t.Context(), c))
		}
		assert.InDelta(t, 103, f.calls("b:1"), 3, "it is back")
	})
}

// The failures of one instance come in a burst, without a success of another in
// between: its calls end together, when their time is up, and those of the
// others have ended long before.
func TestBurstOfFailuresOfOneInstanceDoesNotOpenTheBreaker(t *testing.T) {
	for name, bad := range map[string][]string{
		"one of three": {"b:1"},
		"two of four":  {"b:1", "d:1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(map[string]behaviour{"a:1": answering(200), "b:1": answering(200), "c:1": answering(200)})
				for _, addr := range bad {
					f.become(addr, hanging)
				}
				c := newFleetClient(t, Config{Bulkhead: resilience.BulkheadConfig{MaxConcurrent: 40}}, f)
				var calls sync.WaitGroup
				for range 40 {
					calls.Go(func() { _ = get(t.Context(), c) })
				}
				calls.Wait()

				counts := c.guard.Breaker().Counts()
				require.GreaterOrEqual(t, counts.ConsecutiveFailures, uint32(10), "the test makes a burst")
				assert.Equal(t, counts.Failures, counts.PartialFailures)
				assert.Equal(t, resilience.Closed, c.guard.Breaker().State())
				for _, addr := range bad {
					assert.True(t, instanceOf(t, c, addr).Ejected, addr)
				}
				require.NoError(t, get(t.Context(), c))
			})
		})
	}
}

// Callers come all the time. Until the first calls to the instance that hangs
// have timed out, nothing is known: by turns it then gets a third of all calls
// and fills the bulkhead, which least in flight spares the others. From then on
// it costs one call a probe.
func TestHangingInstanceCostsTheOthersNothingOnceItIsKnown(t *testing.T) {
	for policy, mostFull := range map[discovery.Policy]int{discovery.RoundRobin: 100, discovery.LeastInFlight: 0} {
		t.Run(string(policy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(map[string]behaviour{
					"a:1": answeringAfter(5*time.Millisecond, 200),
					"b:1": hanging,
					"c:1": answeringAfter(5*time.Millisecond, 200),
				})
				c := newBalancedFleetClient(t, Config{Timeout: time.Second}, discovery.Balance{Policy: policy}, f)
				began := time.Now()
				var calls sync.WaitGroup
				var mu sync.Mutex
				results := make(map[Reason]int)
				for range 6_000 { // a minute
					calls.Go(func() {
						err := get(t.Context(), c)
						mu.Lock()
						defer mu.Unlock()
						if err == nil {
							results["ok"]++
							return
						}
						reason := failureOf(t, err).Reason
						results[reason]++
						if reason != Timeout {
							assert.Less(t, time.Since(began), 2*time.Second, reason)
						}
					})
					<-time.After(10 * time.Millisecond)
				}
				calls.Wait()

				t.Logf("one of three hangs for a minute at 100 calls a second: %v, %d calls to it", results, f.calls("b:1"))
				assert.Zero(t, results[BreakerOpen])
				assert.LessOrEqual(t, results[BulkheadFull], mostFull)
				assert.Equal(t, f.calls("b:1"), results[Timeout], "each other call was answered")
				assert.Less(t, f.calls("b:1"), 20)
			})
		})
	}
}

func TestInstanceThatAnswersSlowlyIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(map[string]behaviour{
			"a:1": answering(200), "b:1": answeringAfter(900*time.Millisecond, 200), "c:1": answering(200),
		})
		c := newFleetClient(t, Config{Breaker: resilience.BreakerConfig{SlowCall: 500 * time.Millisecond}}, f)
		began := time.Now()
		for range 300 {
			require.NoError(t, get(t.Context(), c), "a slow answer is an answer")
		}
		assert.Equal(t, 3, f.calls("b:1"))
		assert.Equal(t, 2700*time.Millisecond, time.Since(began))
		assert.Equal(t, resilience.Closed, c.guard.Breaker().State())
		assert.True(t, instanceOf(t, c, "b:1").Ejected)
		assert.Equal(t, uint64(3), c.Snapshot().Breaker.SlowCalls)
	})
}

func TestBreakerOpensAfterFiveFailuresWhenAllInstancesFail(t *testing.T) {
	for name, behaviours := range map[string]map[string]behaviour{
		"one instance":    {"a:1": answering(503)},
		"three instances": {"a:1": answering(503), "b:1": answering(503), "c:1": answering(503)},
		"five instances":  {"a:1": answering(503), "b:1": answering(503), "c:1": answering(503), "d:1": answering(503), "e:1": answering(503)},
		"slow answers":    {"a:1": answeringAfter(time.Second, 200), "b:1": answeringAfter(time.Second, 200)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(behaviours)
				c := newFleetClient(t, Config{Breaker: resilience.BreakerConfig{SlowCall: 500 * time.Millisecond}}, f)
				for range 5 {
					require.Equal(t, resilience.Closed, c.guard.Breaker().State())
					_ = get(t.Context(), c)
				}
				assert.Equal(t, resilience.Open, c.guard.Breaker().State())
			})
		})
	}
}

func TestBreakerClosesThoughOneInstanceStaysBad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(map[string]behaviour{"a:1": answering(503), "b:1": answering(503), "c:1": answering(503)})
		c := newFleetClient(t, Config{}, f)
		for range 5 {
			_ = get(t.Context(), c)
		}
		require.Equal(t, resilience.Open, c.guard.Breaker().State())
		f.become("a:1", answering(200))
		f.become("c:1", answering(200))

		// A trial at b decides only as long as none of the others has worked.
		require.Eventually(t, func() bool {
			<-time.After(30 * time.Second)
			for range 10 {
				_ = get(t.Context(), c)
			}
			return c.guard.Breaker().State() == resilience.Closed
		}, time.Hour, time.Second)
		for range 100 {
			_ = get(t.Context(), c)
		}
		assert.Equal(t, resilience.Closed, c.guard.Breaker().State())
	})
}

func TestCancelledCallsAndRefusalsEjectNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(map[string]behaviour{"a:1": hanging, "b:1": hanging})
		c := newFleetClient(t, Config{}, f)
		for range 20 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			require.ErrorIs(t, get(ctx, c), context.Canceled)
		}
		for _, instance := range c.Snapshot().Instances {
			assert.Zero(t, instance.ConsecutiveFailures)
			assert.Zero(t, instance.InFlight)
		}
	})
}

// broken cannot be decoded.
type broken struct{}

func (*broken) UnmarshalJSON([]byte) error { panic("broken") }

func TestPanicInACallLeaksNothingAndCountsAsAFailure(t *testing.T) {
	instance := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) })
	c := newFixedClient(t, instance)
	for range 3 {
		require.PanicsWithValue(t, "broken", func() {
			_ = c.Call(t.Context(), http.MethodGet, "/", nil, new(broken))
		})
	}
	s := c.Snapshot()
	assert.Equal(t, uint32(3), s.Breaker.Counts.ConsecutiveFailures)
	assert.Equal(t, int32(3), s.Instances[0].ConsecutiveFailures)
	assert.Zero(t, s.Instances[0].InFlight)
	assert.Zero(t, s.Bulkheads[Forward].Current)
}

func TestTenThousandCallsLeaveNothingInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(map[string]behaviour{
			"a:1": answeringAfter(3*time.Millisecond, 200), "b:1": answeringAfter(900*time.Millisecond, 503), "c:1": hanging,
		})
		c := newFleetClient(t, Config{Timeout: time.Second}, f)
		var calls sync.WaitGroup
		for i := range 10_000 {
			calls.Go(func() {
				<-time.After(rand.N(2 * time.Minute))
				ctx := WithPurpose(WithAttempt(t.Context(), 1+i%3), Purpose(i%2))
				if i%5 == 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithCancel(ctx)
					defer cancel()
					time.AfterFunc(rand.N(time.Second), cancel)
				}
				_ = get(ctx, c)
			})
		}
		calls.Wait()
		s := c.Snapshot()
		for _, pool := range s.Bulkheads {
			assert.Positive(t, pool.Admitted, pool.Purpose)
			assert.Zero(t, pool.Current, pool.Purpose)
			assert.Zero(t, pool.Queued, pool.Purpose)
		}
		for _, instance := range s.Instances {
			assert.Zero(t, instance.InFlight, instance.ID)
		}
		<-time.After(time.Minute)
		assert.InDelta(t, 10, c.Snapshot().RetryBudget.Tokens, 1e-9)
	})
}
