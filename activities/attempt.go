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
)

// attempt makes one call for a step and gives its error Temporal's form.
func attempt[Answer any](ctx context.Context, key fence.Key, call func(ctx context.Context) (Answer, error)) (Answer, error) {
	ctx = telemetry.WithOrderID(ctx, key.OrderID)
	answer, err := call(ctx)
	if err != nil {
		return answer, translate(err, activity.GetInfo(ctx).Attempt, rand.Float64())
	}
	return answer, nil
}

func attemptOnly(ctx context.Context, key fence.Key, call func(ctx context.Context) error) error {
	_, err := attempt(ctx, key, func(ctx context.Context) (struct{}, error) { return struct{}{}, call(ctx) })
	return err
}

// translate is the one place where a call's error becomes Temporal's.
//
//   - A service's final answer is not retried. Its type is the problem's code;
//     a business refusal is benign: no error log, no failure metric.
//   - Anything else is retried after the delay that the target asked for, or
//     after backoff. Its type is the reason.
//
// chance is uniform in [0, 1).
func translate(err error, attempt int32, chance float64) error {
	var answer *problem.Error
	if errors.As(err, &answer) {
		return temporal.NewApplicationErrorWithOptions(answer.Detail, string(answer.Code), temporal.ApplicationErrorOptions{
			NonRetryable: true,
			Category:     category(answer.Code),
			Cause:        err,
		})
	}
	delay := backoff(attempt, chance)
	reason := "unexpected"
	var failure *rpc.Error
	if errors.As(err, &failure) {
		reason = string(failure.Reason)
		if failure.RetryAfter > 0 {
			delay = spread(min(failure.RetryAfter, longestRetryAfter), chance)
		}
	}
	return temporal.NewApplicationErrorWithOptions(err.Error(), reason, temporal.ApplicationErrorOptions{
		NextRetryDelay: delay,
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
