package host

import (
	"go.temporal.io/sdk/worker"
)

// The kinds of pollers.
const (
	pollersFixed       = "fixed"
	pollersAutoscaling = "autoscaling"
)

// mostPollers bounds what autoscaling makes of the number of pollers that it
// begins with.
const mostPollers = 10

// poll decides how many pollers wait for tasks: always the same number, or as
// many as the server thinks are needed, from two to ten times that.
func (s Settings) poll(options *worker.Options) {
	if s.Pollers == pollersFixed {
		options.MaxConcurrentWorkflowTaskPollers = s.WorkflowPollers
		options.MaxConcurrentActivityTaskPollers = s.ActivityPollers
		return
	}
	options.WorkflowTaskPollerBehavior = autoscaling(s.WorkflowPollers)
	options.ActivityTaskPollerBehavior = autoscaling(s.ActivityPollers)
}

func autoscaling(initial int) worker.PollerBehavior {
	initial = max(initial, 2)
	return worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{
		InitialNumberOfPollers: initial, MinimumNumberOfPollers: 2, MaximumNumberOfPollers: mostPollers * initial,
	})
}
