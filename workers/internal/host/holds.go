package host

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.uber.org/zap"

	"orderflow/activities"
	"orderflow/internal/rpc"
	"orderflow/workflows/contract"
)

// holdsEvery is how often a worker looks which services are on hold. The
// workflows count on less than 5 s.
const holdsEvery = 2 * time.Second

// runningHolds finds the workflows that are the holds.
const runningHolds = `WorkflowType = "` + contract.HoldDependency + `" AND ExecutionStatus = "Running"`

// lister is what is needed of a Temporal client.
type lister interface {
	ListWorkflow(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error)
}

// holds knows which services operators have put on hold. It follows them
// within seconds: a call that comes before it knows goes through, which harms
// nobody. While Temporal cannot be asked, what was known last stays.
type holds struct {
	temporal lister
	log      *zap.Logger
	held     atomic.Pointer[map[string]bool] // by task queue
	// first is the first look. No call comes before it, so that workers that are
	// restarted during a hold do not break it.
	first sync.Once
}

func newHolds(temporal lister, log *zap.Logger) *holds {
	h := &holds{temporal: temporal, log: log}
	h.held.Store(&map[string]bool{})
	return h
}

// watch looks until ctx ends.
func (h *holds) watch(ctx context.Context) error {
	tick := time.NewTicker(holdsEvery)
	defer tick.Stop()
	h.lookFirst(ctx)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			h.tryLook(ctx)
		}
	}
}

// lookFirst returns when somebody has looked.
func (h *holds) lookFirst(ctx context.Context) { h.first.Do(func() { h.tryLook(ctx) }) }

func (h *holds) tryLook(ctx context.Context) {
	if err := h.look(ctx); err != nil && ctx.Err() == nil {
		h.log.Warn("which services are on hold is not known", zap.Error(err))
	}
}

func (h *holds) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, holdsEvery)
	defer cancel()
	found, err := h.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: runningHolds})
	if err != nil {
		return fmt.Errorf("listing the holds: %w", err)
	}
	now := map[string]bool{}
	for _, execution := range found.GetExecutions() {
		for _, queue := range contract.Queues() {
			if execution.GetExecution().GetWorkflowId() == contract.HoldID(queue) {
				now[queue] = true
			}
		}
	}
	before := *h.held.Swap(&now)
	for _, queue := range contract.Queues() {
		if before[queue] != now[queue] {
			h.log.Info("a service was put on hold or released", zap.String("service", targetOf[queue]), zap.Bool("held", now[queue]))
		}
	}
	return nil
}

// caller refuses the calls to a service that is on hold, before they cost
// anything.
func (h *holds) caller(queue string, next rpc.Caller) rpc.Caller {
	return heldCaller{holds: h, queue: queue, next: next}
}

type heldCaller struct {
	holds *holds
	queue string
	next  rpc.Caller
}

// Call calls unless the service is on hold.
func (c heldCaller) Call(ctx context.Context, method, path string, in, out any) error {
	c.holds.lookFirst(ctx)
	if (*c.holds.held.Load())[c.queue] {
		return fmt.Errorf("calling %s: %w", targetOf[c.queue], activities.ErrOnHold)
	}
	return c.next.Call(ctx, method, path, in, out)
}
