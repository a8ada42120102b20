package rpc

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/internal/resilience"
)

func TestIntentOfACallIsInItsContext(t *testing.T) {
	ctx := t.Context()
	for name, test := range map[string]struct{ got, want resilience.Call }{
		"nothing said":        {intent(ctx), resilience.Call{}},
		"first attempt":       {intent(WithAttempt(ctx, 1)), resilience.Call{}},
		"unknown attempt":     {intent(WithAttempt(ctx, 0)), resilience.Call{}},
		"retry":               {intent(WithAttempt(ctx, 2)), resilience.Call{Retry: true}},
		"compensation":        {intent(WithPurpose(ctx, Compensation)), resilience.Call{Purpose: Compensation}},
		"both":                {intent(WithPurpose(WithAttempt(ctx, 7), Compensation)), resilience.Call{Purpose: Compensation, Retry: true}},
		"both, the other way": {intent(WithAttempt(WithPurpose(ctx, Compensation), 7)), resilience.Call{Purpose: Compensation, Retry: true}},
		"said anew":           {intent(WithAttempt(WithPurpose(WithAttempt(ctx, 2), Forward), 1)), resilience.Call{}},
	} {
		assert.Equal(t, test.want, test.got, name)
	}
}

func TestRetryOverTheBudgetIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(map[string]behaviour{"a:1": answering(503)})
		c := newFleetClient(t, Config{Breaker: resilience.BreakerConfig{FailureThreshold: 1_000}}, f)
		retry := WithAttempt(t.Context(), 2)
		for range 10 {
			require.Equal(t, Unavailable, failureOf(t, get(retry, c)).Reason)
		}

		failure := failureOf(t, get(retry, c))
		assert.Equal(t, RetryBudget, failure.Reason)
		assert.ErrorIs(t, failure, resilience.ErrRetryBudget)
		assert.Zero(t, failure.RetryAfter, "the caller's own backoff decides")
		assert.Equal(t, problem.Unavailable, failure.Problem().Code)
		assert.Equal(t, 10, f.calls("a:1"), "nothing was sent")
		require.Equal(t, Unavailable, failureOf(t, get(t.Context(), c)).Reason, "a first attempt is always made")
		assert.Equal(t, uint64(1), c.Snapshot().RetryBudget.Refused)
	})
}

func TestRetriesOfForwardCallsDoNotUseUpThoseOfCompensations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(map[string]behaviour{"a:1": answering(503)})
		c := newFleetClient(t, Config{Breaker: resilience.BreakerConfig{FailureThreshold: 1_000}}, f)
		retry := WithAttempt(t.Context(), 2)
		for range 20 {
			_ = get(retry, c)
		}
		require.Equal(t, RetryBudget, failureOf(t, get(retry, c)).Reason)
		f.become("a:1", answering(200))
		assert.NoError(t, get(WithPurpose(retry, Compensation), c))
	})
}

// Orders come all the time, and each is tried again until it has worked: the
// load that a saga engine puts on a service which fails.
func TestRetriesToAFailingTargetAreAShareOfItsFirstCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(map[string]behaviour{"a:1": answering(503)})
		c := newFleetClient(t, Config{
			// The breaker would stop the calls before the budget does.
			Breaker:  resilience.BreakerConfig{FailureThreshold: 1_000_000},
			Bulkhead: resilience.BulkheadConfig{MaxConcurrent: 1_000},
		}, f)
		const orders = 1_200 // in a minute
		var calls sync.WaitGroup
		place := func() {
			backoff := time.Second
			for attempt := 1; get(WithAttempt(t.Context(), attempt), c) != nil; attempt++ {
				<-time.After(backoff)
				backoff = min(2*backoff, 10*time.Second)
			}
		}
		placeAll := func(n int) {
			for range n {
				calls.Go(place)
				<-time.After(50 * time.Millisecond)
			}
		}
		placeAll(orders / 2)
		synctest.Wait()
		budget, retries := c.Snapshot().RetryBudget, f.calls("a:1")-orders/2
		t.Logf("30 s of failures: %d first calls, %d retries, %d more refused", orders/2, retries, budget.Refused)
		assert.Equal(t, int(budget.Retries), retries)
		assert.LessOrEqual(t, retries, orders/2/5+30+10, "share, minimum and reserve")
		assert.Greater(t, retries, orders/2/5, "it is used")
		assert.Greater(t, budget.Refused, uint64(500))

		f.become("a:1", answering(200))
		placeAll(orders / 2)
		began := time.Now()
		calls.Wait()
		assert.Zero(t, time.Since(began), "a target that works again is not held back")
	})
}

func TestCompensationGetsThroughWhileForwardCallsHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(map[string]behaviour{"a:1": answeringAfter(time.Minute, 200)})
		c := newFleetClient(t, Config{Timeout: time.Hour}, f)
		for range 30 {
			go func() { _ = get(t.Context(), c) }()
		}
		synctest.Wait()
		require.Equal(t, BulkheadFull, failureOf(t, get(t.Context(), c)).Reason)

		f.become("a:1", answering(200))
		undo := WithPurpose(t.Context(), Compensation)
		require.NoError(t, get(undo, c))
		bulkheads := c.Snapshot().Bulkheads
		assert.Equal(t, 10, bulkheads[Forward].Current)
		assert.Equal(t, uint64(1), bulkheads[Forward].Rejected)
		assert.Equal(t, resilience.BulkheadStats{Purpose: Compensation, MaxConcurrent: 5, MaxQueue: 10, Admitted: 1}, bulkheads[Compensation])
		<-time.After(time.Hour)
	})
}
