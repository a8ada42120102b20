package host

import (
	"context"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"orderflow/activities"
)

// fastWayHeader is the header of an activity whose fast way was tried before.
// Its value says nothing.
const fastWayHeader = "orderflow-fast-way-tried"

// fastWayMark tells durable activities that the fast way of their step was
// tried before, which makes their first attempt a retry. Only the workflow's
// worker can know: the fast way may be switched off for a step, and the durable
// one may run in another process. The mark is no part of the workflow's
// decisions, so that replays need not agree on it.
type fastWayMark struct {
	interceptor.WorkerInterceptorBase
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (*fastWayMark) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	marking := &fastWayMarking{}
	marking.Next = next
	return marking
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (*fastWayMark) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	reading := &fastWayReading{}
	reading.Next = next
	return reading
}

type fastWayMarking struct {
	interceptor.WorkflowInboundInterceptorBase
}

// Init implements interceptor.WorkflowInboundInterceptor.
func (m *fastWayMarking) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	watching := &fastWayWatching{tried: map[string]bool{}}
	watching.Next = outbound
	return m.Next.Init(watching)
}

// fastWayWatching knows which activities one workflow has tried the fast way.
type fastWayWatching struct {
	interceptor.WorkflowOutboundInterceptorBase
	tried map[string]bool
}

// ExecuteLocalActivity implements interceptor.WorkflowOutboundInterceptor.
func (w *fastWayWatching) ExecuteLocalActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	w.tried[name] = true
	return w.Next.ExecuteLocalActivity(ctx, name, args...)
}

// ExecuteActivity implements interceptor.WorkflowOutboundInterceptor.
func (w *fastWayWatching) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	if w.tried[name] {
		interceptor.WorkflowHeader(ctx)[fastWayHeader] = &commonpb.Payload{}
	}
	return w.Next.ExecuteActivity(ctx, name, args...)
}

type fastWayReading struct {
	interceptor.ActivityInboundInterceptorBase
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (r *fastWayReading) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	if _, tried := interceptor.Header(ctx)[fastWayHeader]; tried {
		ctx = activities.AfterFastWay(ctx)
	}
	return r.Next.ExecuteActivity(ctx, in)
}
