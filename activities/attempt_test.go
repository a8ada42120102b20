package activities

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"pgregory.net/rapid"

	"orderflow/internal/problem"
	"orderflow/internal/rpc"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

func TestAFinalAnswerIsNotRetried(t *testing.T) {
	for code, benign := range map[problem.Code]bool{
		problem.OutOfStock:         true,
		problem.PaymentDeclined:    true,
		problem.ShipmentRefused:    true,
		problem.RefundRefused:      false,
		problem.Invalid:            false,
		problem.AlreadyCompensated: false,
		problem.KeyReused:          false,
	} {
		err := translate(problem.New(code, "why"), 1, 0)
		var application *temporal.ApplicationError
		require.ErrorAs(t, err, &application)
		require.True(t, application.NonRetryable(), code)
		require.Equal(t, string(code), application.Type())
		require.Equal(t, "why", application.Message())
		require.Equal(t, benign, application.Category() == temporal.ApplicationErrorCategoryBenign, code)
	}
}

func TestAnythingElseIsRetriedAfterADelay(t *testing.T) {
	for name, test := range map[string]struct {
		err     error
		kind    string
		atLeast time.Duration
		atMost  time.Duration
	}{
		"no answer":         {&rpc.Error{Reason: rpc.Unavailable, Err: errors.New("x")}, "unavailable", time.Second, 1300 * time.Millisecond},
		"bulkhead full":     {&rpc.Error{Reason: rpc.BulkheadFull, Err: errors.New("x")}, "bulkhead-full", time.Second, 1300 * time.Millisecond},
		"retry budget":      {&rpc.Error{Reason: rpc.RetryBudget, Err: errors.New("x")}, "retry-budget", time.Second, 1300 * time.Millisecond},
		"breaker open":      {&rpc.Error{Reason: rpc.BreakerOpen, RetryAfter: 20 * time.Second, Err: errors.New("x")}, "breaker-open", 20 * time.Second, 26 * time.Second},
		"an absurd request": {&rpc.Error{Reason: rpc.Unavailable, RetryAfter: time.Hour, Err: errors.New("x")}, "unavailable", 30 * time.Second, 39 * time.Second},
		"a stranger":        {problem.New(problem.NotFound, "x"), "unexpected", time.Second, 1300 * time.Millisecond},
		"a cancelled call":  {fmt.Errorf("x: %w", context.Canceled), "cancelled", time.Second, 1300 * time.Millisecond},
		"a surprise":        {errors.New("x"), "unexpected", time.Second, 1300 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			for _, chance := range []float64{0, 0.5, 0.999} {
				var application *temporal.ApplicationError
				require.ErrorAs(t, translate(test.err, 1, chance), &application)
				require.False(t, application.NonRetryable())
				require.Equal(t, test.kind, application.Type())
				require.GreaterOrEqual(t, application.NextRetryDelay(), test.atLeast)
				require.LessOrEqual(t, application.NextRetryDelay(), test.atMost)
			}
		})
	}
}

func TestBackoffDoublesWithJitterUpToItsCap(t *testing.T) {
	require.Equal(t, time.Second, backoff(1, 0))
	require.Equal(t, 2*time.Second, backoff(2, 0))
	require.Equal(t, 4*time.Second, backoff(3, 0))
	require.Equal(t, 10*time.Second, backoff(5, 0))
	rapid.Check(t, func(t *rapid.T) {
		attempt := rapid.IntRange(0, 1<<30).Draw(t, "attempt")
		chance := rapid.Float64Range(0, 0.999).Draw(t, "chance")
		delay := backoff(attempt, chance)
		require.GreaterOrEqual(t, delay, baseDelay)
		require.LessOrEqual(t, delay, longest)
		require.GreaterOrEqual(t, delay, backoff(attempt, 0))
	})
}

func TestAServiceOnHoldIsLeftToTheWorkflow(t *testing.T) {
	err := translate(fmt.Errorf("calling payment: %w", ErrOnHold), 1, 0)
	var application *temporal.ApplicationError
	require.ErrorAs(t, err, &application)
	require.Equal(t, contract.ErrorOnHold, application.Type())
	require.True(t, application.NonRetryable())
	require.Equal(t, temporal.ApplicationErrorCategoryBenign, application.Category())
}

// The workflow knows the refusals that a fix may turn by the codes that
// services answer with.
func TestTheRefusalsHaveOneNameOnBothSides(t *testing.T) {
	require.EqualValues(t, problem.PaymentDeclined, contract.ErrorPaymentDeclined)
	require.EqualValues(t, problem.ShipmentRefused, contract.ErrorShipmentRefused)
}

// Whatever did not leave the process is told once, by the guard or discovery,
// and not as an error of each order that waits.
func TestCallsThatWereHeldBackAreBenign(t *testing.T) {
	for reason, benign := range map[rpc.Reason]bool{
		rpc.BreakerOpen: true, rpc.BulkheadFull: true, rpc.RetryBudget: true, rpc.NoInstance: true,
		rpc.Unavailable: false, rpc.Timeout: false, rpc.BadAnswer: false,
	} {
		err := translate(&rpc.Error{Reason: reason, Err: errors.New("x")}, 1, 0)
		var application *temporal.ApplicationError
		require.ErrorAs(t, err, &application)
		require.Equal(t, benign, application.Category() == temporal.ApplicationErrorCategoryBenign, reason)
	}
}

// A decision about an order that is being created waits for it; nothing is wrong.
func TestADecisionThatComesBeforeItsOrderIsRetriedCalmly(t *testing.T) {
	away := problem.New(problem.NotFound, "there is no such order")
	for name, test := range map[string]struct {
		answer error
		kind   string
		benign bool
	}{
		"not created yet": {away, "not-created-yet", true},
		"a stranger":      {problem.New(problem.NoRoute, "nothing is at this path"), "unexpected", false},
	} {
		t.Run(name, func(t *testing.T) {
			orders := &Orders{Client: order.NewClient(answering{test.answer})}
			environment := environment(t.Context())
			var application *temporal.ApplicationError
			require.ErrorAs(t, run(environment, orders.RecordIntervention, order.InterventionRequest{}), &application)
			require.False(t, application.NonRetryable())
			require.Equal(t, test.kind, application.Type())
			require.Equal(t, test.benign, application.Category() == temporal.ApplicationErrorCategoryBenign)
			require.GreaterOrEqual(t, application.NextRetryDelay(), baseDelay)
		})
	}
}

// answering answers every call with an error.
type answering struct{ err error }

func (a answering) Call(context.Context, string, string, any, any) error { return a.err }

// A thousand calls that failed in the same moment come back spread over the
// whole jitter, attempt by attempt, and never all at once.
func TestThoseWhoFailedTogetherDoNotComeBackTogether(t *testing.T) {
	const failures, slots = 1000, 10
	random := rand.New(rand.NewPCG(1, 2))
	for attempt, span := range map[int][2]time.Duration{
		1: {time.Second, 1300 * time.Millisecond},
		2: {2 * time.Second, 2600 * time.Millisecond},
		3: {4 * time.Second, 5200 * time.Millisecond},
	} {
		var spread [slots]int
		for range failures {
			err := translate(&rpc.Error{Reason: rpc.Unavailable, Err: errors.New("down")}, attempt, random.Float64())
			var application *temporal.ApplicationError
			require.ErrorAs(t, err, &application)
			delay := application.NextRetryDelay()
			require.GreaterOrEqual(t, delay, span[0])
			require.Less(t, delay, span[1])
			spread[slots*(delay-span[0])/(span[1]-span[0])]++
		}
		for slot, come := range spread {
			require.Greater(t, come, failures/slots/2, "attempt %d, slot %d", attempt, slot)
			require.Less(t, come, 2*failures/slots, "attempt %d, slot %d", attempt, slot)
		}
	}
}
