// Package dependenciestest has a Temporal server for tests that knows holds of
// services only: it lets exactly one hold of an ID be on, as the real one does.
// No workflow runs in it; tests set what a worker would answer.
package dependenciestest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"orderflow/gateway/internal/dependencies"
	"orderflow/workflows/contract"
)

// Temporal is a server in memory. Set its fields before use, or through Change.
// It is safe for concurrent use.
type Temporal struct {
	// Down makes every call wait for the end of its context, as the SDK does
	// when the server is away.
	Down bool
	// LoseStarts is how many starts happen without their answer arriving.
	LoseStarts int
	// NoWorker makes queries and updates wait for the end of their context.
	NoWorker bool
	// Waiting is how many orders wait for the release of each service.
	Waiting int
	// Refuse decides releases; nil accepts each and ends the hold.
	Refuse func(contract.ReleaseRequest) error

	mu       sync.Mutex
	holds    map[string][]*hold // every run of an ID, the newest last
	releases []contract.ReleaseRequest
}

var _ dependencies.Temporal = (*Temporal)(nil)

// hold is one run of a hold's workflow.
type hold struct {
	id, run string
	ended   bool
	options client.StartWorkflowOptions
	input   *commonpb.Payloads
}

// Change changes the fields while the server is in use.
func (t *Temporal) Change(change func(*Temporal)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(t)
}

// Options returns what the newest run of an ID was started with.
func (t *Temporal) Options(id string) client.StartWorkflowOptions {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.holds[id][len(t.holds[id])-1].options
}

// Started counts the runs of an ID.
func (t *Temporal) Started(id string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.holds[id])
}

// Releases returns the requests that were sent.
func (t *Temporal) Releases() []contract.ReleaseRequest {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.releases
}

func (t *Temporal) up(ctx context.Context) error {
	t.mu.Lock()
	down := t.Down
	t.mu.Unlock()
	if !down {
		return ctx.Err()
	}
	return wait(ctx)
}

func (t *Temporal) worker(ctx context.Context) error {
	t.mu.Lock()
	absent := t.NoWorker
	t.mu.Unlock()
	if !absent {
		return nil
	}
	return wait(ctx)
}

func wait(ctx context.Context) error {
	<-ctx.Done()
	return serviceerror.NewDeadlineExceeded(ctx.Err().Error())
}

// ExecuteWorkflow begins a hold unless one of its ID is on.
func (t *Temporal) ExecuteWorkflow(ctx context.Context, options client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	if err := t.up(ctx); err != nil {
		return nil, err
	}
	input, err := converter.GetDefaultDataConverter().ToPayloads(args...)
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	runs := t.holds[options.ID]
	if len(runs) > 0 && !runs[len(runs)-1].ended {
		return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("already started", "request", runs[len(runs)-1].run)
	}
	if t.holds == nil {
		t.holds = make(map[string][]*hold)
	}
	t.holds[options.ID] = append(runs, &hold{
		id: options.ID, run: fmt.Sprintf("run-%d", len(runs)), options: options, input: input,
	})
	if t.LoseStarts > 0 {
		t.LoseStarts--
		return nil, serviceerror.NewDeadlineExceeded("no answer in time")
	}
	return nil, nil
}

// find returns a run of an ID, without a run's own ID the newest.
func (t *Temporal) find(ctx context.Context, id, run string) (*hold, error) {
	if err := t.up(ctx); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	runs := t.holds[id]
	for i := len(runs) - 1; i >= 0; i-- {
		if run == "" || runs[i].run == run {
			found := *runs[i]
			return &found, nil
		}
	}
	return nil, serviceerror.NewNotFound("workflow not found for ID: " + id)
}

// DescribeWorkflowExecution tells run and status.
func (t *Temporal) DescribeWorkflowExecution(ctx context.Context, id, run string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	found, err := t.find(ctx, id, run)
	if err != nil {
		return nil, err
	}
	status := enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	if found.ended {
		status = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: found.run}, Status: status,
	}}, nil
}

// GetWorkflowHistory returns the started event.
func (t *Temporal) GetWorkflowHistory(ctx context.Context, id, run string, _ bool, _ enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	found, err := t.find(ctx, id, run)
	if err != nil {
		return &history{err: err}
	}
	return &history{event: &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{Input: found.input},
	}}}
}

type history struct {
	event *historypb.HistoryEvent
	err   error
}

func (h *history) HasNext() bool                          { return true }
func (h *history) Next() (*historypb.HistoryEvent, error) { return h.event, h.err }

// QueryWorkflow answers how many orders wait.
func (t *Temporal) QueryWorkflow(ctx context.Context, id, run, _ string, _ ...any) (converter.EncodedValue, error) {
	if _, err := t.find(ctx, id, run); err != nil {
		return nil, err
	}
	if err := t.worker(ctx); err != nil {
		return nil, err
	}
	return value{t.status()}, nil
}

func (t *Temporal) status() answer {
	t.mu.Lock()
	defer t.mu.Unlock()
	return answer{status: contract.HoldStatus{Waiting: t.Waiting}}
}

// UpdateWorkflow ends the hold unless Refuse has something against it.
func (t *Temporal) UpdateWorkflow(ctx context.Context, options client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	found, err := t.find(ctx, options.WorkflowID, "")
	if err != nil {
		return nil, err
	}
	if found.ended {
		return nil, serviceerror.NewNotFound("workflow execution already completed")
	}
	if err := t.worker(ctx); err != nil {
		return nil, err
	}
	request, ok := options.Args[0].(contract.ReleaseRequest)
	if !ok || options.UpdateName != contract.UpdateReleaseHold {
		return nil, serviceerror.NewInvalidArgument("unknown update " + options.UpdateName)
	}
	decided := t.status()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.releases = append(t.releases, request)
	if t.Refuse != nil {
		decided.err = t.Refuse(request)
	}
	if runs := t.holds[found.id]; decided.err == nil {
		runs[len(runs)-1].ended = true
	}
	return handle{decided}, nil
}

// answer is what a worker said.
type answer struct {
	status contract.HoldStatus
	err    error
}

func (a answer) WorkflowID() string { return "" }
func (a answer) RunID() string      { return "" }
func (a answer) UpdateID() string   { return "" }
func (a answer) HasValue() bool     { return true }

// handle is an answer to an update.
type handle struct{ answer }

// Get returns what was decided.
func (h handle) Get(_ context.Context, target any) error { return h.into(target) }

// value is an answer to a query.
type value struct{ answer }

// Get returns what was answered.
func (v value) Get(target any) error { return v.into(target) }

func (a answer) into(target any) error {
	status, ok := target.(*contract.HoldStatus)
	if a.err == nil && !ok {
		return errors.New("the target is no *contract.HoldStatus")
	}
	if a.err == nil {
		*status = a.status
	}
	return a.err
}
