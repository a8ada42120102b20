package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"

	"orderflow/activities"
	"orderflow/internal/rpc"
	"orderflow/workflows/contract"
)

// busy is an answer of 429 or 503 that says when to come again.
func busy(after time.Duration) error {
	return &rpc.Error{Target: "x", Reason: rpc.Unavailable, RetryAfter: after, Err: errors.New("503")}
}

// between are the bounds of a pause.
type between [2]time.Duration

// jittered is a pause with a jitter of 0 to 30 %.
func jittered(pause time.Duration) between { return between{pause, pause * 13 / 10} }

// timesOf keeps the moments of virtual time at which a step is called.
func (r *run) timesOf(step string) *[]time.Duration {
	var at []time.Duration
	start := r.env.Now()
	r.services.always[step] = func(context.Context) { at = append(at, r.env.Now().Sub(start)) }
	return &at
}

// marksDurableAttempts does what the workers do: durable attempts know that the
// fast way was tried before. It is for runs of which one step fails.
func (r *run) marksDurableAttempts() {
	if !r.way.FastWayOff {
		r.env.SetWorkerOptions(worker.Options{BackgroundActivityContext: activities.AfterFastWay(context.Background())})
	}
}

// The pauses are those between all attempts, whichever way these take.
func TestAttemptsPauseAsTheBriefSaysOnBothWays(t *testing.T) {
	second := time.Second
	for name, test := range map[string]struct {
		script []error
		pauses []between
	}{
		"no answer": {times(6, away()), []between{
			jittered(second), jittered(2 * second), jittered(4 * second), {8 * second, 10 * second}, {10 * second, 10 * second}, {10 * second, 10 * second},
		}},
		"the service says when": {times(3, busy(7*second)), []between{jittered(7 * second), jittered(7 * second), jittered(7 * second)}},
		"once":                  {[]error{busy(20 * second), away()}, []between{jittered(20 * second), jittered(2 * second)}},
		"later":                 {[]error{away(), busy(20 * second)}, []between{jittered(second), jittered(20 * second)}},
		"an absurd wish":        {times(1, busy(time.Hour)), []between{jittered(30 * second)}},
	} {
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t *testing.T, way contract.Settings) {
				for _, step := range forward {
					run := newRun(t, way)
					run.marksDurableAttempts()
					run.services.answer(step, append(test.script, nil))
					at := run.timesOf(step)
					run.execute()

					require.NoError(t, run.env.GetWorkflowError())
					require.Len(t, *at, len(test.pauses)+1, step)
					for i, bounds := range test.pauses {
						require.WithinRange(t, time.Time{}.Add((*at)[i+1]-(*at)[i]), time.Time{}.Add(bounds[0]), time.Time{}.Add(bounds[1]+time.Millisecond),
							"%s: pause %d", step, i+1)
					}
				}
			})
		})
	}
}

// The pause is a part of the step's time, as all others are.
func TestThePauseAfterTheFastWayUsesTheStepsTime(t *testing.T) {
	run := newRun(t, contract.Settings{StepTimeout: time.Minute})
	run.services.answer(contract.StepChargePayment, append([]error{busy(30 * time.Second)}, forever(away())...))
	at := run.timesOf(contract.StepChargePayment)
	run.execute()

	require.Equal(t, contract.ErrorSagaFailed, typeOf(run.env.GetWorkflowError()))
	require.Greater(t, len(*at), 3)
	require.Less(t, (*at)[len(*at)-1], time.Minute)
}

// A retry that would come too late is not waited for.
func TestARetryThatWouldComeAfterTheStepsTimeIsNotWaitedFor(t *testing.T) {
	run := newRun(t, contract.Settings{StepTimeout: 10 * time.Second})
	run.services.answer(contract.StepChargePayment, forever(busy(20*time.Second)))
	at := run.timesOf(contract.StepChargePayment)
	start := run.env.Now()
	run.execute()

	require.Equal(t, contract.ErrorSagaFailed, typeOf(run.env.GetWorkflowError()))
	require.Equal(t, "no answer in time: unavailable", run.services.cancelled.Reason)
	require.Len(t, *at, 1)
	require.Less(t, run.env.Now().Sub(start), time.Second)
}

func TestACancellationEndsThePauseAfterTheFastWay(t *testing.T) {
	for name, way := range map[string]contract.Settings{
		"by the customer": {},
		"by the deadline": {Deadline: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			run := newRun(t, way)
			run.services.answer(contract.StepShipOrder, forever(busy(30*time.Second)))
			at := run.timesOf(contract.StepShipOrder)
			if way.Deadline == 0 {
				run.cancelAt(5 * time.Second)
			}
			start := run.env.Now()
			run.execute()

			require.Equal(t, way.Deadline == 0, temporal.IsCanceledError(run.env.GetWorkflowError()))
			require.Error(t, run.env.GetWorkflowError())
			require.Len(t, *at, 1)
			require.Equal(t, backward[contract.StepShipOrder], run.services.compensations())
			require.Less(t, run.env.Now().Sub(start), 6*time.Second)
		})
	}
}

// What was refused for an open breaker has not been tried, but it has waited.
func TestAnOpenBreakerIsWaitedForInTheStepsTime(t *testing.T) {
	open := &rpc.Error{Target: "x", Reason: rpc.BreakerOpen, RetryAfter: 25 * time.Second, Err: errors.New("open")}
	for name, test := range map[string]struct {
		time  time.Duration
		calls int
	}{"enough time": {time.Minute, 2}, "too little": {25 * time.Second, 1}} {
		t.Run(name, func(t *testing.T) {
			run := newRun(t, contract.Settings{StepTimeout: test.time})
			run.services.answer(contract.StepChargePayment, once(open))
			at := run.timesOf(contract.StepChargePayment)
			run.execute()

			require.Len(t, *at, test.calls)
			require.Equal(t, test.calls == 2, run.env.GetWorkflowError() == nil)
		})
	}
}
