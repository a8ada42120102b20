// Package floor is the least that an order can cost at Temporal: workflows of
// ordinary activities that do nothing, on task queues and workers like the
// product's. The benchmarks divide by it. It knows nothing of orders.
package floor

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderflow/internal/rpc"
	"orderflow/workflows/contract"
)

// The workflows.
const (
	// Four runs four activities on the workflow's own queue, where eager
	// execution serves them: the four steps of a textbook's order.
	Four = "FloorFour"
	// Steps runs as many activities as a healthy order has steps, each on the
	// queue that corresponds to that of its step.
	Steps = "FloorSteps"
)

// services are who the steps of an order call, by their task queues in the
// product: see workflows/step.go.
var services = []string{
	contract.QueueOrders, contract.QueueInventory, contract.QueuePayment, contract.QueueOrders,
	contract.QueueShipping, contract.QueueInventory, contract.QueueOrders, contract.QueueNotification,
}

// Calls is how many activities a workflow runs.
func Calls(workflowType string) int {
	if workflowType == Four {
		return 4
	}
	return len(services)
}

// Queue is where the workflows run.
var Queue = queue(contract.QueueOrders)

// queue is that of the floor beside one of the product's.
func queue(name string) string { return "floor-" + name }

const doNothing = "DoNothing"

func four(ctx workflow.Context) error {
	for range Calls(Four) {
		if err := call(ctx, Queue); err != nil {
			return err
		}
	}
	return nil
}

func steps(ctx workflow.Context) error {
	for _, service := range services {
		if err := call(ctx, queue(service)); err != nil {
			return err
		}
	}
	return nil
}

// call runs one activity with the options of a step's durable way.
func call(ctx workflow.Context, queue string) error {
	durable := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue:              queue,
		StartToCloseTimeout:    7 * time.Second,
		ScheduleToCloseTimeout: 10 * time.Minute,
		RetryPolicy:            &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second},
	})
	return workflow.ExecuteActivity(durable, doNothing).Get(durable, nil)
}

// Serve polls the floor's queues until ctx ends, with the pollers and slots that
// the product's worker has by default.
func Serve(ctx context.Context, addr string) error {
	connected, err := Dial(ctx, addr)
	if err != nil {
		return err
	}
	defer connected.Close()
	worker.SetStickyWorkflowCacheSize(2000)
	for _, service := range contract.Queues() {
		w := newWorker(connected, service)
		if err := w.Start(); err != nil {
			return fmt.Errorf("starting the worker of %s: %w", queue(service), err)
		}
		defer w.Stop()
	}
	<-ctx.Done()
	return nil
}

func newWorker(connected client.Client, service string) worker.Worker {
	const pollers = 8
	w := worker.New(connected, queue(service), worker.Options{
		MaxConcurrentWorkflowTaskPollers:       pollers,
		MaxConcurrentActivityTaskPollers:       pollers,
		MaxConcurrentActivityExecutionSize:     slots(service),
		MaxConcurrentWorkflowTaskExecutionSize: workflowSlots(),
		DisableWorkflowWorker:                  queue(service) != Queue,
	})
	if queue(service) == Queue {
		w.RegisterWorkflowWithOptions(four, workflow.RegisterOptions{Name: Four})
		w.RegisterWorkflowWithOptions(steps, workflow.RegisterOptions{Name: Steps})
	}
	w.RegisterActivityWithOptions(func(context.Context) error { return nil }, activity.RegisterOptions{Name: doNothing})
	return w
}

// slots is what workers/internal/host gives to a queue's activities.
func slots(service string) int {
	limits := limits(service)
	return limits.Bulkhead.MaxConcurrent + limits.Compensation.MaxConcurrent
}

// workflowSlots is what it gives to workflow tasks.
func workflowSlots() int {
	all := 0
	for _, service := range contract.Queues() {
		all += 2 * limits(service).Bulkhead.MaxConcurrent
	}
	return all
}

func limits(service string) rpc.Config {
	if service == contract.QueueOrders {
		service = "order" // the others are called as their queues are
	}
	return rpc.Config{}.WithDefaults(service)
}

// Dial connects to Temporal without tracing, metrics or logs, and as the product
// does without compression.
func Dial(ctx context.Context, addr string) (client.Client, error) {
	connected, err := client.DialContext(ctx, client.Options{
		HostPort: addr, Namespace: contract.Namespace, Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
		ConnectionOptions: client.ConnectionOptions{GrpcCompression: &client.GrpcCompressionNone{}},
	})
	if err != nil {
		return nil, fmt.Errorf("connecting to Temporal at %s: %w", addr, err)
	}
	return connected, nil
}
