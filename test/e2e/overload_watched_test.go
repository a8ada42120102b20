package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"orderflow/workflows/contract"
)

const (
	// healthPause is between two looks at the health of a gateway, figuresPause
	// between two at its memory and the backlog.
	healthPause  = 50 * time.Millisecond
	figuresPause = 500 * time.Millisecond
)

// watched is what was seen of a gateway meanwhile.
type watched struct {
	o       *overload
	gateway string
	stop    context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	health   quantiles
	memory   memory
	backlog  float64  // the highest
	failures []string // of health
}

// memory is what a process had, in bytes, one moment after the other. With each
// moment the backlog was seen as well.
type memory []size

type size int64

// String is in MiB.
func (b size) String() string { return fmt.Sprintf("%d MiB", b>>20) }

func (m memory) highest() (most size) {
	for _, now := range m {
		most = max(most, now)
	}
	return most
}

// half is the highest of the first half, 0, or of the second one, 1.
func (m memory) half(which int) size {
	middle := len(m) / 2
	if which == 0 {
		return m[:middle].highest()
	}
	return m[middle:].highest()
}

// watch looks at a gateway until end.
func (o *overload) watch(gateway string) *watched {
	w := &watched{o: o, gateway: gateway}
	ctx, stop := context.WithCancel(o.t.Context())
	w.stop = stop
	o.t.Cleanup(w.end)
	// Health checks have a connection of their own, as those of a platform have.
	transport := &http.Transport{}
	o.t.Cleanup(transport.CloseIdleConnections)
	w.every(ctx, healthPause, func() {
		if err := w.lookAtHealth(ctx, transport); err != nil && ctx.Err() == nil {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.failures = append(w.failures, err.Error())
		}
	})
	w.every(ctx, figuresPause, func() {
		if err := w.lookAtFigures(ctx); err != nil && ctx.Err() == nil {
			o.t.Logf("no figures this time: %v", err)
		}
	})
	return w
}

// end ends the looking.
func (w *watched) end() {
	w.stop()
	w.running.Wait()
}

// endWithFigures ends the looking when health, memory and backlog have been seen:
// what nobody saw would pass every check. Two looks make two halves.
func (w *watched) endWithFigures() {
	w.o.t.Helper()
	w.o.eventually(func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.memory) >= 2 && len(w.health) >= 2
	}, "health, memory and backlog of %s are seen", w.gateway)
	w.end()
}

// every looks again and again.
func (w *watched) every(ctx context.Context, pause time.Duration, look func()) {
	w.running.Go(func() {
		ticker := time.NewTicker(pause)
		defer ticker.Stop()
		for ctx.Err() == nil {
			look()
			select {
			case <-ticker.C:
			case <-ctx.Done():
			}
		}
	})
}

func (w *watched) lookAtHealth(ctx context.Context, transport *http.Transport) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.gateway+"/healthz", nil)
	if err != nil {
		return err
	}
	began := time.Now()
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	took := time.Since(began)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("health is answered %d", response.StatusCode)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.health = append(w.health, took)
	return nil
}

// lookAtFigures reads the gateway's memory, and asks Temporal, and not the
// gateway, how many orders wait.
func (w *watched) lookAtFigures(ctx context.Context) error {
	resident, err := readMetric(ctx, strings.TrimPrefix(w.gateway, "http://"), "process_resident_memory_bytes")
	if err != nil {
		return err
	}
	described, err := w.o.workflows.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: contract.Namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: contract.QueueOrders},
		TaskQueueType: enumspb.TASK_QUEUE_TYPE_WORKFLOW, ReportStats: true,
	})
	if err != nil {
		return err
	}
	if described.GetStats() == nil {
		return errors.New("the server does not tell the backlog")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.memory = append(w.memory, size(resident))
	w.backlog = max(w.backlog, float64(described.GetStats().GetApproximateBacklogCount()))
	return nil
}
