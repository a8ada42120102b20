package ratelimit

import (
	"context"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"orderflow/internal/sqlstore/sqlstoretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// counting is a counter under test, and how time passes for it.
type counting struct {
	counter
	wait func(time.Duration)
}

// each runs the suite against every counter with the budget.
func each(t *testing.T, budget Budget, suite func(t *testing.T, c counting)) {
	t.Helper()
	t.Run("local", func(t *testing.T) {
		var passed atomic.Int64
		start := time.Now()
		l, err := newLocal(budget, func() time.Time { return start.Add(time.Duration(passed.Load())) })
		require.NoError(t, err)
		suite(t, counting{l, func(d time.Duration) { passed.Add(int64(d)) }})
	})
	t.Run("shared", func(t *testing.T) {
		c := newSharedCounter(openShared(t, sqlstoretest.Postgres(t)), budget)
		suite(t, counting{c, func(d time.Duration) { <-time.After(d) }})
	})
}

// openShared gives counts all the time that they need on a busy machine.
func openShared(t *testing.T, dsn string) *Shared {
	t.Helper()
	address, err := url.Parse(dsn)
	require.NoError(t, err)
	query := address.Query()
	query.Set("statement_timeout", "60s")
	address.RawQuery = query.Encode()
	s, err := OpenShared(address.String(), zap.NewNop())
	require.NoError(t, err)
	s.timeout = time.Minute
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

// taken counts requests of the key until one is refused, which it returns.
func taken(t *testing.T, c counter, key string) (n int, refusal decision) {
	t.Helper()
	for {
		d, err := c.take(t.Context(), key)
		require.NoError(t, err)
		if !d.allowed {
			return n, d
		}
		n++
		require.Less(t, n, 10_000, "nothing is refused")
	}
}

func TestABurstAndThenTheRate(t *testing.T) {
	each(t, Budget{Rate: 2, Burst: 5}, func(t *testing.T, c counting) {
		began := time.Now()
		n, refusal := taken(t, c, "ada")
		passed := int(time.Since(began).Seconds() * 2)
		assert.GreaterOrEqual(t, n, 5)
		assert.LessOrEqual(t, n, 5+passed)
		assert.Positive(t, refusal.retryAfter)
		assert.LessOrEqual(t, refusal.retryAfter, 500*time.Millisecond)
		assert.Zero(t, refusal.remaining)

		c.wait(refusal.retryAfter + time.Millisecond)
		d, err := c.take(t.Context(), "ada")
		require.NoError(t, err)
		assert.True(t, d.allowed, "who comes back when told is let in")
	})
}

func TestAnswersSayWhatIsLeft(t *testing.T) {
	each(t, Budget{Rate: 1, Burst: 10}, func(t *testing.T, c counting) {
		for i := range 3 {
			d, err := c.take(t.Context(), "ada")
			require.NoError(t, err)
			assert.InDelta(t, 9-i, d.remaining, 1)
			assert.InDelta(t, (time.Duration(i+1) * time.Second).Seconds(), d.full.Seconds(), 1)
		}
		d, err := c.take(t.Context(), "bob")
		require.NoError(t, err)
		assert.Equal(t, 9, d.remaining, "others have a budget of their own")
	})
}

func TestRequestsAtOnceAreCountedExactly(t *testing.T) {
	each(t, Budget{Rate: 1, Burst: 100}, func(t *testing.T, c counting) {
		var allowed atomic.Int64
		var requests sync.WaitGroup
		began := time.Now()
		for range 20 {
			requests.Go(func() {
				for range 10 {
					d, err := c.take(t.Context(), "ada")
					if assert.NoError(t, err) && d.allowed {
						allowed.Add(1)
					}
				}
			})
		}
		requests.Wait()
		assert.GreaterOrEqual(t, allowed.Load(), int64(100))
		assert.LessOrEqual(t, allowed.Load(), 100+int64(time.Since(began).Seconds()))
	})
}

func TestTwoGatewaysShareOneBudget(t *testing.T) {
	dsn := sqlstoretest.Postgres(t)
	budget := Budget{Rate: 1, Burst: 30}
	here, there := newSharedCounter(openShared(t, dsn), budget), newSharedCounter(openShared(t, dsn), budget)
	began := time.Now()
	total := 0
	for i := range 60 {
		gateway := []counter{here, there}[i%2]
		d, err := gateway.take(t.Context(), "ada")
		require.NoError(t, err)
		if d.allowed {
			total++
		}
	}
	assert.GreaterOrEqual(t, total, 30)
	assert.LessOrEqual(t, total, 30+int(time.Since(began).Seconds()))
}

func TestIdlePrincipalsLeaveNoRow(t *testing.T) {
	s := openShared(t, sqlstoretest.Postgres(t))
	quick, slow := newSharedCounter(s, Budget{Rate: 1000, Burst: 1}), newSharedCounter(s, Budget{Rate: 1, Burst: 100})
	_, err := quick.take(t.Context(), "idle")
	require.NoError(t, err)
	n, _ := taken(t, slow, "busy")
	require.GreaterOrEqual(t, n, 100)
	rows := func() (keys []string) {
		found, err := s.pool.Query(t.Context(), "SELECT key FROM rate_limit ORDER BY key")
		require.NoError(t, err)
		defer found.Close()
		for found.Next() {
			var key string
			require.NoError(t, found.Scan(&key))
			keys = append(keys, key)
		}
		require.NoError(t, found.Err())
		return keys
	}
	require.Equal(t, []string{"busy", "idle"}, rows())
	<-time.After(2 * time.Millisecond)
	require.NoError(t, s.sweep(t.Context()))
	assert.Equal(t, []string{"busy"}, rows())
}

// Keep does what OpenShared could not do yet.
func TestTheTableIsMadeWhenTheDatabaseCanBeReached(t *testing.T) {
	s := openShared(t, sqlstoretest.Postgres(t))
	_, err := s.pool.Exec(t.Context(), "DROP TABLE rate_limit")
	require.NoError(t, err)
	c := newSharedCounter(s, Budget{Rate: 1, Burst: 1})
	_, err = c.take(t.Context(), "ada")
	require.Error(t, err)

	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Keep(ctx) }()
	require.Eventually(t, func() bool {
		_, err := c.take(ctx, "ada")
		return err == nil
	}, 20*time.Second, 10*time.Millisecond)
	stop()
	require.NoError(t, <-ended)
}
