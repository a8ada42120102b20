package host

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"

	"orderflow/internal/faults/failpoint"
)

// A panic of an activity is a failed attempt like any other: the fast way gives
// way to the durable one, which tries again.
func TestAnActivityThatPanicsAtItsFailPointIsTriedAgain(t *testing.T) {
	for point, want := range map[string]int{"begin:Ship=panic": 1, "end:Ship=panic": 2} {
		for name, local := range map[string]bool{"fast way": true, "durable way": false} {
			t.Run(point+" on the "+name, func(t *testing.T) {
				points := failpoint.New(zap.NewNop())
				var options worker.Options
				offerFailPoints(points.Background(t.Context()), &options)
				arming := httptest.NewRequest(http.MethodGet, "/healthz", nil)
				arming.Header.Set(failpoint.Header, point)
				points.Handler(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), arming)

				done := 0
				var suite testsuite.WorkflowTestSuite
				environment := suite.NewTestWorkflowEnvironment()
				environment.SetWorkerOptions(options)
				environment.RegisterActivityWithOptions(func(context.Context) error { done++; return nil }, activity.RegisterOptions{Name: "Ship"})
				environment.ExecuteWorkflow(func(ctx workflow.Context) error {
					if local {
						fast := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
							StartToCloseTimeout: time.Second, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
						})
						if err := workflow.ExecuteLocalActivity(fast, "Ship").Get(fast, nil); !errors.As(err, new(*temporal.PanicError)) {
							return temporal.NewNonRetryableApplicationError("it has not failed by its panic", "", err)
						}
					}
					durable := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Second})
					return workflow.ExecuteActivity(durable, "Ship").Get(durable, nil)
				})
				require.NoError(t, environment.GetWorkflowError())
				require.Equal(t, want, done)
			})
		}
	}
}
