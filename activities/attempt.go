package activities

import (
	"context"
	"errors"
	"math/rand/v2"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"orderflow/internal/fence"
	"orderflow/internal/problem"
	"orderflow/internal/rpc"
	"orderflow/internal/telemetry"
	"orderflow/workflows/contract"
)

// ErrOnHold is what a caller returns instead of calling a service that an
// operator has put on hold. The workflow then waits for its release; nothing is
// retried.
var ErrOnHold = errors.New("the service is on hold")

type fastWayTried struct{}

// AfterFastWay marks the context of an activity that takes the durable way
// because the fast way has failed before: its first attempt is the second one
// of its step, and counts against the retry budget of its service. An activity
// cannot tell by itself, because the fast way may also have been switched off.
func AfterFastWay(ctx context.Context) context.Context {
	return context.WithValue(ctx, fastWayTried{}, true)
}

// nth is the number of this attempt among all of its step's, on both ways.
func nth(ctx context.Context, info activity.Info) int {
	if tried, _ := ctx.Value(fastWayTried{}).(bool); tried && !info.IsLocalActivity {
		return int(info.Attempt) + 1
	}
	return int(info.Attempt)
}

// undo makes one call for a compensation, as attempt does for a step. At the
// service it takes no place of a step's.
func undo(ctx context.Context, key fence.Key, call func(ctx context.Context) error) error {
	return attemptOnly(rpc.WithPurpose(ctx, rpc.Compensation), key, call)
}

// attempt makes one call for a step and gives its error Temporal's form.
func attempt[Answer any](ctx context.Context, key fence.Key, call func(ctx context.Context) (Answer, error)) (Answer, error) {
	info := activity.GetInfo(ctx)
	number := nth(ctx, info)
	ctx = telemetry.WithOrderID(rpc.WithAttempt(ctx, number), key.OrderID)
	if info.IsLocalActivity {
		// Timeouts nest: the call gives up before the local activity does, so
		// that the failure is the call's own.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, contract.FastAttempt)
		defer cancel()
	}
	answer, err := call(ctx)
	if err != nil {
		return answer, translate(err, number, rand.Float64())
	}
	return answer, nil
}

func attemptOnly(ctx context.Context, key fence.Key, call func(ctx context.Context) error) error {
	_, err := attempt(ctx, key, func(ctx context.Context) (struct{}, error) { return struct{}{}, call(ctx) })
	return err
}

// final are the answers that no repetition changes. Any other problem, such as
// not-found from a stranger that now listens on an instance's old port, may
// pass.
var final = map[problem.Code]bool{
	problem.OutOfStock:         true,
	problem.PaymentDeclined:    true,
	problem.ShipmentRefused:    true,
	problem.RefundRefused:      true,
	problem.Invalid:            true,
	problem.Conflict:           true,
	problem.KeyReused:          true,
	problem.TooLate:            true,
	problem.AlreadyCompensated: true,
}

// heldBack are the reasons of calls that did not leave this process: our own
// guards did not let them through, or there was nobody to call.
var heldBack = map[rpc.Reason]bool{
	rpc.BreakerOpen: true, rpc.BulkheadFull: true, rpc.RetryBudget: true, rpc.NoInstance: true,
}

// translate is the one place where a call's error becomes Temporal's.
//
//   - A service's final answer is not retried. Its type is the problem's code;
//     a business refusal is benign: no error log, no failure metric.
//   - A service on hold is waited for in the workflow.
//   - Anything else is retried after the delay that the target asked for, or
//     after backoff. Its type is the reason. What did not leave this process, and
//     what was cancelled, is benign too: the guard has logged and counted it. So is
//     an order that is not there yet.
//
// chance is uniform in [0, 1).
func translate(err error, attempt int, chance float64) error {
	var answer *problem.Error
	if errors.As(err, &answer) && final[answer.Code] {
		return temporal.NewApplicationErrorWithOptions(answer.Detail, string(answer.Code), temporal.ApplicationErrorOptions{
			NonRetryable: true,
			Category:     category(answer.Code),
			Cause:        err,
		})
	}
	if errors.Is(err, ErrOnHold) {
		return temporal.NewApplicationErrorWithOptions(err.Error(), contract.ErrorOnHold, temporal.ApplicationErrorOptions{
			NonRetryable: true, Category: temporal.ApplicationErrorCategoryBenign,
		})
	}
	delay := backoff(attempt, chance)
	reason, kind := "unexpected", temporal.ApplicationErrorCategoryUnspecified
	var failure *rpc.Error
	switch {
	case errors.Is(err, context.Canceled):
		reason, kind = "cancelled", temporal.ApplicationErrorCategoryBenign
	case errors.Is(err, errNotCreatedYet):
		reason, kind = "not-created-yet", temporal.ApplicationErrorCategoryBenign
	case errors.As(err, &failure):
		reason = string(failure.Reason)
		if heldBack[failure.Reason] {
			kind = temporal.ApplicationErrorCategoryBenign
		}
		if failure.RetryAfter > 0 {
			delay = spread(min(failure.RetryAfter, longestRetryAfter), chance)
		}
	}
	return temporal.NewApplicationErrorWithOptions(err.Error(), reason, temporal.ApplicationErrorOptions{
		NextRetryDelay: delay,
		Category:       kind,
	})
}

func category(code problem.Code) temporal.ApplicationErrorCategory {
	switch code {
	case problem.OutOfStock, problem.PaymentDeclined, problem.ShipmentRefused:
		return temporal.ApplicationErrorCategoryBenign
	default:
		return temporal.ApplicationErrorCategoryUnspecified
	}
}
