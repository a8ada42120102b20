package resilience

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// spendAll returns how many retries the budget allows at once.
func spendAll(b *RetryBudget) (allowed int) {
	for b.Spend() == nil {
		allowed++
	}
	return allowed
}

func TestRetriesAreAShareOfTheFirstCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewRetryBudget("payment", RetryBudgetConfig{})
		assert.Equal(t, 10, spendAll(b), "the reserve")
		for range 40 {
			b.Earn()
		}
		assert.Equal(t, 8, spendAll(b), "a fifth of the first calls")

		err := b.Spend()
		var used *RetryBudgetError
		require.ErrorAs(t, err, &used)
		require.ErrorIs(t, err, ErrRetryBudget)
		assert.EqualError(t, err, "forward retry budget for payment is used up")
		assert.InDelta(t, 0, b.Stats().Tokens, 1e-9)
	})
}

func TestQuietSystemCanAlwaysRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewRetryBudget("payment", RetryBudgetConfig{})
		for range 1_000 {
			require.NoError(t, b.Spend(), "one a second, without a first call")
			advance(time.Second)
		}
		spendAll(b)
		advance(time.Hour)
		assert.Equal(t, 10, spendAll(b), "no more than ten seconds' worth are saved up")
	})
}

func TestSmallestBudgetHoldsAToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewRetryBudget("payment", RetryBudgetConfig{MinPerSecond: 0.01})
		require.Equal(t, 1, spendAll(b))
		advance(100 * time.Second)
		assert.Equal(t, 1, spendAll(b))
	})
}

func TestRetriesOfATargetThatWorksCostNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewRetryBudget("payment", RetryBudgetConfig{})
		for range 10_000 {
			require.NoError(t, b.Spend())
			b.Made()
			b.Refund()
		}
		assert.Equal(t, RetryBudgetStats{Tokens: 10, Retries: 10_000}, b.Stats())
	})
}

func TestFailedRetriesStayWithinTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(inBubble{t}, func(t *rapid.T) {
			cfg := RetryBudgetConfig{
				Share:        rapid.Float64Range(0.01, 1).Draw(t, "share"),
				MinPerSecond: rapid.Float64Range(0.01, 50).Draw(t, "minPerSecond"),
			}
			b := NewRetryBudget("payment", cfg)
			began := time.Now()
			var calls, underWay, failed float64
			bound := func() float64 {
				return cfg.Share*calls + cfg.MinPerSecond*time.Since(began).Seconds() + math.Max(10*cfg.MinPerSecond, 1)
			}
			end := func(t *rapid.T) {
				if underWay == 0 {
					t.Skip("no retry is under way")
				}
				underWay--
			}
			t.Repeat(map[string]func(*rapid.T){
				"": func(t *rapid.T) {
					if failed+underWay > bound()+1e-6 {
						t.Fatalf("%v retries have failed and %v are under way, the bound is %v", failed, underWay, bound())
					}
					if tokens := b.Stats().Tokens; tokens < -1e-9 {
						t.Fatalf("%v tokens", tokens)
					}
				},
				"call": func(*rapid.T) { b.Earn(); calls++ },
				"retry": func(*rapid.T) {
					if b.Spend() == nil {
						underWay++
					}
				},
				"retryMore": func(*rapid.T) { underWay += float64(spendAll(b)) },
				"fail":      func(t *rapid.T) { end(t); failed++ },
				"succeed":   func(t *rapid.T) { end(t); b.Refund() },
				"wait": func(t *rapid.T) {
					advance(time.Duration(rapid.IntRange(1, 5_000).Draw(t, "millis")) * time.Millisecond)
				},
			})
		})
	})
}

func TestTenThousandRetriesAtOnceGetNoMoreThanTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGuard(10_000, 0)
		var mu sync.Mutex
		made := 0
		var calls sync.WaitGroup
		for range 10_000 {
			calls.Go(func() {
				_ = g.Run(t.Context(), Call{Retry: true}, func(context.Context) (Outcome, error) {
					mu.Lock()
					defer mu.Unlock()
					made++
					return PartialFailure, errPart
				})
			})
		}
		calls.Wait()
		assert.Equal(t, 10, made)
		assert.Equal(t, RetryBudgetStats{Retries: 10, Refused: 9_990}, g.RetryBudget().Stats())
	})
}

func TestWhatARetryCosts(t *testing.T) {
	retry := Call{Retry: true}
	ending := func(outcome Outcome, err error) func(context.Context) (Outcome, error) {
		return func(context.Context) (Outcome, error) { return outcome, err }
	}
	tests := map[string]struct {
		make func(*testing.T, *Guard)
		cost float64
	}{
		"a success":              {func(t *testing.T, g *Guard) { _ = g.Run(t.Context(), retry, ending(Success, nil)) }, 0},
		"what counts as nothing": {func(t *testing.T, g *Guard) { _ = g.Run(t.Context(), retry, ending(Ignored, errSilent)) }, 0},
		"a failure":              {func(t *testing.T, g *Guard) { _ = g.Run(t.Context(), retry, ending(Failure, errSick)) }, 1},
		"an instance's failure":  {func(t *testing.T, g *Guard) { _ = g.Run(t.Context(), retry, ending(PartialFailure, errPart)) }, 1},
		"a panic": {func(t *testing.T, g *Guard) {
			defer func() { _ = recover() }()
			_ = g.Run(t.Context(), retry, func(context.Context) (Outcome, error) { panic("broken") })
		}, 1},
		"a full bulkhead": {func(t *testing.T, g *Guard) {
			release, err := g.Bulkhead().Acquire(t.Context())
			require.NoError(t, err)
			defer release()
			require.ErrorIs(t, g.Run(t.Context(), retry, ending(Failure, errSick)), ErrBulkheadFull)
		}, 0},
		"an open breaker": {func(t *testing.T, g *Guard) {
			callTimes(t, g.Breaker(), 5, errSick)
			require.ErrorIs(t, g.Run(t.Context(), retry, ending(Failure, errSick)), ErrBreakerOpen)
		}, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newTestGuard(1, 0)
				test.make(t, g)
				assert.InDelta(t, 10-test.cost, g.RetryBudget().Stats().Tokens, 1e-9)
				assert.Zero(t, g.Bulkhead().Stats().Current)
			})
		})
	}
}

func TestOnlyRetriesThatAreMadeCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGuard(1, 0)
		retry := Call{Retry: true}
		require.NoError(t, g.Run(t.Context(), retry, succeeding))
		release, err := g.Bulkhead().Acquire(t.Context())
		require.NoError(t, err)
		require.ErrorIs(t, g.Run(t.Context(), retry, succeeding), ErrBulkheadFull)
		release()
		callTimes(t, g.Breaker(), 5, errSick)
		require.ErrorIs(t, g.Run(t.Context(), retry, succeeding), ErrBreakerOpen)
		assert.Equal(t, RetryBudgetStats{Tokens: 10, Retries: 1}, g.RetryBudget().Stats())
	})
}

func TestOnlyFirstCallsThatAreMadeEarn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGuard(1, 0)
		for range 5 {
			_ = g.Do(t.Context(), returning(errSick))
		}
		require.ErrorIs(t, g.Do(t.Context(), returning(nil)), ErrBreakerOpen)
		assert.Equal(t, uint64(5), g.RetryBudget().Stats().Calls)
	})
}

func TestRetryOverTheBudgetIsRefusedBeforeTheBulkhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newTestGuard(1, 0)
		spendAll(g.RetryBudget())
		release, err := g.Bulkhead().Acquire(t.Context())
		require.NoError(t, err)
		defer release()

		err = g.Run(t.Context(), Call{Retry: true}, func(context.Context) (Outcome, error) { return Success, nil })
		require.ErrorIs(t, err, ErrRetryBudget)
		assert.Zero(t, g.Bulkhead().Stats().Rejected)
	})
}
