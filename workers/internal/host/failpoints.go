package host

import (
	"context"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"orderflow/internal/faults/failpoint"
)

// offerFailPoints lets activities, on both ways, break at the fail points of a
// process that has some; see package failpoint. Without any it changes nothing.
func offerFailPoints(ctx context.Context, options *worker.Options) {
	if !failpoint.Enabled(ctx) {
		return
	}
	options.BackgroundActivityContext = context.WithoutCancel(ctx) // activities end by the worker's drain
	options.Interceptors = append(options.Interceptors, &failPoints{})
}

// failPoints tells of the begin and the end of every activity.
type failPoints struct {
	interceptor.WorkerInterceptorBase
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (*failPoints) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	meeting := &failPointsMeeting{}
	meeting.Next = next
	return meeting
}

type failPointsMeeting struct {
	interceptor.ActivityInboundInterceptorBase
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (m *failPointsMeeting) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	name := activity.GetInfo(ctx).ActivityType.Name
	failpoint.BeforeActivity(ctx, name)
	answer, err := m.Next.ExecuteActivity(ctx, in)
	if err == nil { // a point of an activity that has done nothing waits for one that has
		failpoint.AfterActivity(ctx, name)
	}
	return answer, err
}
