package simulation

import (
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// terminate is the signal that ends a workflow from outside.
const terminate = "simulation-terminate"

// errTerminated is the type of the error that stands for a termination.
const errTerminated = "Terminated"

// terminable is a workflow that can be terminated. Its goroutines are then
// exited as when a worker drops a terminated or evicted workflow: their
// deferred functions run, and must not do anything.
type terminable struct {
	interceptor.WorkflowInboundInterceptorBase
	server *server
}

// Init implements interceptor.WorkflowInboundInterceptor.
func (t *terminable) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	o := &scheduling{server: t.server}
	o.Next = outbound
	return t.Next.Init(o)
}

// ExecuteWorkflow implements interceptor.WorkflowInboundInterceptor.
func (t *terminable) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (result any, err error) {
	ended, terminated := false, false
	workflow.Go(ctx, func(ctx workflow.Context) {
		result, err = t.Next.ExecuteWorkflow(ctx, in)
		ended = true
	})
	outside, _ := workflow.NewDisconnectedContext(ctx)
	workflow.Go(outside, func(ctx workflow.Context) {
		workflow.GetSignalChannel(ctx, terminate).Receive(ctx, nil)
		terminated = true
	})
	_ = workflow.Await(outside, func() bool { return ended || terminated })
	if !ended {
		return nil, temporal.NewNonRetryableApplicationError("terminated", errTerminated, nil)
	}
	return result, err
}
