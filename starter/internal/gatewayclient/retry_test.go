package gatewayclient_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/starter/internal/gatewayclient"
)

var steady = gatewayclient.Backoff{Base: time.Second, Cap: 4 * time.Second}

func TestTemporaryFailuresAreTriedAgainWithGrowingWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		began := time.Now()
		err := gatewayclient.Retry(t.Context(), steady, func(context.Context) error {
			at = append(at, time.Since(began))
			if len(at) == 5 {
				return nil
			}
			return problem.New(problem.Unavailable, "away")
		})
		require.NoError(t, err)
		require.Len(t, at, 5)
		for i, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 4 * time.Second} {
			assert.InDelta(t, want, at[i+1]-at[i], float64(want)/2+1, "wait %d", i)
		}
	})
}

func TestARetryWaitsAsLongAsTheGatewayAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, attempts := time.Now(), 0
		err := gatewayclient.Retry(t.Context(), steady, func(context.Context) error {
			if attempts++; attempts == 1 {
				return problem.New(problem.RateLimited, "slow down").WithRetryAfter(30 * time.Second)
			}
			return nil
		})
		require.NoError(t, err)
		waited := time.Since(began)
		assert.GreaterOrEqual(t, waited, 30*time.Second)
		assert.Less(t, waited, 32*time.Second)
	})
}

func TestAFinalAnswerIsNotAskedForTwice(t *testing.T) {
	attempts := 0
	err := gatewayclient.Retry(t.Context(), steady, func(context.Context) error {
		attempts++
		return problem.New(problem.Invalid, "no")
	})
	require.Error(t, err)
	assert.Equal(t, 1, attempts)
}

func TestTheLastFailureIsReturnedWhenTheTimeIsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		err := gatewayclient.Retry(ctx, steady, func(context.Context) error {
			return problem.New(problem.RateLimited, "slow down").WithRetryAfter(25 * time.Second)
		})
		assert.Equal(t, problem.RateLimited, problem.CodeOf(err))
		assert.InDelta(t, 53*time.Second, time.Since(began), float64(2*time.Second), "no wait that cannot help")
	})
}

func TestAnAttemptThatOutlivesTheTimeTellsOfTheFailureBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		attempts := 0
		err := gatewayclient.Retry(ctx, steady, func(ctx context.Context) error {
			if attempts++; attempts == 1 {
				return problem.New(problem.Unavailable, "away")
			}
			<-ctx.Done()
			return ctx.Err()
		})
		assert.Equal(t, problem.Unavailable, problem.CodeOf(err))
	})
}

func TestACancelledRetryEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		time.AfterFunc(100*time.Millisecond, cancel)
		err := gatewayclient.Retry(ctx, steady, func(context.Context) error {
			return problem.New(problem.Unavailable, "away").WithRetryAfter(time.Hour)
		})
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, 100*time.Millisecond, time.Since(began))
	})
}
