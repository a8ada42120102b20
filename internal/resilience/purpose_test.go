package resilience

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func succeeding(context.Context) (Outcome, error) { return Success, nil }

func TestCompensationIsNotStarvedByForwardCalls(t *testing.T) {
	g := newTestGuard(1, 0)
	release, err := g.Bulkhead().Acquire(t.Context())
	require.NoError(t, err)
	defer release()

	err = g.Run(t.Context(), Call{}, succeeding)
	var full *BulkheadFullError
	require.ErrorAs(t, err, &full)
	assert.Equal(t, BulkheadFullError{Target: "payment", Purpose: Forward}, *full)
	assert.NoError(t, g.Run(t.Context(), Call{Purpose: Compensation}, succeeding))
}

func TestForwardCallsAreNotStarvedByCompensation(t *testing.T) {
	g := newTestGuard(1, 0)
	for range 2 {
		release, err := g.Pool(Compensation).Acquire(t.Context())
		require.NoError(t, err)
		defer release()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, g.Run(ctx, Call{Purpose: Compensation}, succeeding), context.Canceled)
	assert.NoError(t, g.Run(t.Context(), Call{}, succeeding))
}

func TestFullCompensationPoolSaysSo(t *testing.T) {
	g := NewGuard("payment", Config{Compensation: BulkheadConfig{MaxConcurrent: 1}}, byError, nil)
	release, err := g.Pool(Compensation).Acquire(t.Context())
	require.NoError(t, err)
	defer release()
	err = g.Run(t.Context(), Call{Purpose: Compensation}, succeeding)
	assert.EqualError(t, err, "compensation bulkhead for payment is full")
}

func TestRetriesOfOnePurposeLeaveThoseOfTheOtherTheirBudget(t *testing.T) {
	for spent, other := range map[Purpose]Purpose{Forward: Compensation, Compensation: Forward} {
		t.Run(spent.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := NewGuard("payment", Config{Breaker: BreakerConfig{FailureThreshold: 1_000}}, byError, nil)
				failing := func(context.Context) (Outcome, error) { return Failure, errSick }
				for range 10 {
					require.ErrorIs(t, g.Run(t.Context(), Call{Purpose: spent, Retry: true}, failing), errSick)
				}
				err := g.Run(t.Context(), Call{Purpose: spent, Retry: true}, failing)
				var used *RetryBudgetError
				require.ErrorAs(t, err, &used)
				assert.Equal(t, RetryBudgetError{Target: "payment", Purpose: spent}, *used)

				require.ErrorIs(t, g.Run(t.Context(), Call{Purpose: other, Retry: true}, failing), errSick)
				require.NoError(t, g.Run(t.Context(), Call{Purpose: other}, succeeding))
				assert.Equal(t, RetryBudgetStats{Retries: 10, Refused: 1}, g.Budget(spent).Stats())
				stats := g.Budget(other).Stats()
				assert.InDelta(t, 9.2, stats.Tokens, 1e-9)
				assert.Equal(t, RetryBudgetStats{Tokens: stats.Tokens, Calls: 1, Retries: 1}, stats)
			})
		})
	}
}

func TestPurposesShareTheBreaker(t *testing.T) {
	g := newTestGuard(1, 0)
	for range 5 {
		_ = g.Do(t.Context(), returning(errSick))
	}
	assert.ErrorIs(t, g.Run(t.Context(), Call{Purpose: Compensation}, succeeding), ErrBreakerOpen)
}

func TestSnapshotCrossesProcessesAsJSON(t *testing.T) {
	want := Snapshot{
		Target:  "payment",
		Breaker: BreakerStats{State: HalfOpen, RemainingOpen: Seconds(1500 * time.Millisecond), Refused: 3, SlowCalls: 1},
		Bulkheads: []BulkheadStats{
			{Purpose: Forward, Current: 1, Queued: 2, Rejected: 4, Wait: Seconds(time.Minute)},
			{Purpose: Compensation},
		},
		RetryBudget: RetryBudgetStats{Tokens: 2.5, Calls: 4, Retries: 1, Refused: 9},

		CompensationBudget: RetryBudgetStats{Tokens: 7.5, Calls: 2, Retries: 3},
	}
	text, err := json.Marshal(want)
	require.NoError(t, err)
	for _, part := range []string{`"state":"half-open"`, `"remainingOpenSeconds":1.5`, `"purpose":"compensation"`, `"waitSeconds":60`} {
		assert.Contains(t, string(text), part)
	}
	var got Snapshot
	require.NoError(t, json.Unmarshal(text, &got))
	assert.Equal(t, want, got)

	require.ErrorContains(t, json.Unmarshal([]byte(`{"purpose":"fun"}`), &got.Bulkheads[0]), "fun")
	require.ErrorContains(t, json.Unmarshal([]byte(`{"waitSeconds":1e300}`), &got.Bulkheads[0]), "1e300")
	assert.Equal(t, "Purpose(9)", Purpose(9).String())
}
