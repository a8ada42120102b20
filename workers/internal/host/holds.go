package host

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.uber.org/zap"

	"orderflow/activities"
	"orderflow/internal/rpc"
	"orderflow/workflows/contract"
)

// holdsEvery is how often a worker looks which services are on hold. The
// workflows count on less than 5 s.
const holdsEvery = 2 * time.Second

// firstLooks is how often a worker looks without an answer before it lets calls
// go. That Temporal cannot list workflows must not stop all orders.
const firstLooks = 5

// runningHolds finds the workflows that are the holds.
const runningHolds = `WorkflowType = "` + contract.HoldDependency + `" AND ExecutionStatus = "Running"`

// holdSource is what is needed of a Temporal client.
type holdSource interface {
	ListWorkflow(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error)
	DescribeWorkflowExecution(ctx context.Context, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error)
}

// holds knows which services operators have put on hold. It follows them
// within seconds: a call that comes before it knows goes through, which harms
// nobody.
//
// Holds are found in the visibility store, which lags behind and may be away
// for long, or keep what has ended. So a hold counts only as long as its
// workflow itself does not deny that it runs: orders that are refused when
// nobody holds the service any more have nobody to wait for. While Temporal
// cannot be asked at all, what was known last stays.
type holds struct {
	temporal holdSource
	log      *zap.Logger
	held     atomic.Pointer[map[string]bool] // by task queue
	// known is closed when a look was answered. No call comes before it, so that
	// workers that are restarted during a hold do not break it.
	known chan struct{}
	open  sync.Once // closes known
}

func newHolds(temporal holdSource, log *zap.Logger) *holds {
	h := &holds{temporal: temporal, log: log, known: make(chan struct{})}
	h.held.Store(&map[string]bool{})
	return h
}

// watch looks until ctx ends. Nobody waits for what is known after that.
func (h *holds) watch(ctx context.Context) error {
	defer h.letThrough()
	tick := time.NewTicker(holdsEvery)
	defer tick.Stop()
	for looks := 1; ; looks++ {
		err := h.look(ctx)
		if err != nil && ctx.Err() == nil {
			h.log.Warn("which services are on hold is not known", zap.Error(err))
		}
		if err == nil || looks == firstLooks {
			h.letThrough()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (h *holds) letThrough() { h.open.Do(func() { close(h.known) }) }

// look finds the holds that run. Its error says that new ones were not found.
func (h *holds) look(ctx context.Context) error {
	before := *h.held.Load()
	now, err := h.list(ctx)
	if err != nil {
		now = maps.Clone(before)
	}
	for queue := range now {
		if h.denied(ctx, queue) {
			delete(now, queue)
		}
	}
	h.held.Store(&now)
	for _, queue := range contract.Queues() {
		if before[queue] != now[queue] {
			h.log.Info("a service was put on hold or released", zap.String("service", targetOf[queue]), zap.Bool("held", now[queue]))
		}
	}
	return err
}

func (h *holds) list(ctx context.Context) (map[string]bool, error) {
	ctx, cancel := context.WithTimeout(ctx, holdsEvery)
	defer cancel()
	found, err := h.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: runningHolds})
	if err != nil {
		return nil, fmt.Errorf("listing the holds: %w", err)
	}
	held := map[string]bool{}
	for _, execution := range found.GetExecutions() {
		for _, queue := range contract.Queues() {
			if execution.GetExecution().GetWorkflowId() == contract.HoldID(queue) {
				held[queue] = true
			}
		}
	}
	return held, nil
}

// denied asks for the hold's workflow itself and reports whether it has ended,
// or never was. No answer is no denial.
func (h *holds) denied(ctx context.Context, queue string) bool {
	ctx, cancel := context.WithTimeout(ctx, holdsEvery)
	defer cancel()
	found, err := h.temporal.DescribeWorkflowExecution(ctx, contract.HoldID(queue), "")
	if err != nil {
		return isNotFound(err)
	}
	return found.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
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

// Call calls unless the service is on hold. It waits until that is known; who
// cannot wait as long gets an *rpc.Error.
func (c heldCaller) Call(ctx context.Context, method, path string, in, out any) error {
	select {
	case <-c.holds.known:
	case <-ctx.Done():
		return &rpc.Error{Target: targetOf[c.queue], Reason: rpc.Unavailable, Err: fmt.Errorf("waiting for what is on hold: %w", ctx.Err())}
	}
	if (*c.holds.held.Load())[c.queue] {
		return fmt.Errorf("calling %s: %w", targetOf[c.queue], activities.ErrOnHold)
	}
	return c.next.Call(ctx, method, path, in, out)
}
