// Package placementtest has a Temporal server for tests: it remembers started
// workflows and lets exactly one start of an ID win, as the real one does. No
// workflow runs in it; tests set what a worker would answer.
package placementtest

import (
	"context"
	"errors"
	"sync"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"orderflow/gateway/internal/placement"
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
	// Progress answers the progress query; Query does, when it is set.
	Progress contract.Progress
	Query    func() contract.Progress
	// PageSize is how many workflows a page of a list has at most; 0 is as many
	// as are asked for.
	PageSize int
	// Update decides updates; nil accepts each. An accepted one answers as a
	// query does. Its context is the caller's.
	Update func(ctx context.Context, name string, args []any) error

	mu        sync.Mutex
	workflows map[string]*workflow
	starts    int
	updates   []client.UpdateWorkflowOptions
	events    int
}

var _ placement.Temporal = (*Temporal)(nil)

// workflow is the newest run of a workflow ID, and those before it.
type workflow struct {
	run
	options client.StartWorkflowOptions
	input   *commonpb.Payloads
	memo    *commonpb.Memo
	earlier []run
}

// Change changes the fields while the server is in use.
func (t *Temporal) Change(change func(*Temporal)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(t)
}

// Started returns the options and inputs of all workflows.
func (t *Temporal) Started() map[string]contract.PlaceOrderInput {
	t.mu.Lock()
	defer t.mu.Unlock()
	inputs := make(map[string]contract.PlaceOrderInput, len(t.workflows))
	for id, started := range t.workflows {
		var input contract.PlaceOrderInput
		if err := converter.GetDefaultDataConverter().FromPayloads(started.input, &input); err != nil {
			panic(err)
		}
		inputs[id] = input
	}
	return inputs
}

// Options returns what a workflow was started with.
func (t *Temporal) Options(id string) client.StartWorkflowOptions {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.workflows[id].options
}

// StartCalls counts the calls that asked for a start.
func (t *Temporal) StartCalls() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.starts
}

// Updates returns the updates that were sent.
func (t *Temporal) Updates() []client.UpdateWorkflowOptions {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.updates
}

// Close ends a workflow.
func (t *Temporal) Close(id string, status enumspb.WorkflowExecutionStatus) {
	t.mu.Lock()
	defer t.mu.Unlock()
	closed := &t.workflows[id].run
	closed.status, closed.end = status, t.tick()
}

// Restart starts another run of a closed workflow, as the reconciler does.
func (t *Temporal) Restart(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	again := t.workflows[id]
	again.earlier = append(again.earlier, again.run)
	again.run = run{status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, start: t.tick()}
}

// Flag sets the search attribute that asks for an operator.
func (t *Temporal) Flag(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.workflows[id].flagged = true
}

// tick returns a later time than ever before. The caller holds mu.
func (t *Temporal) tick() time.Time {
	t.events++
	return time.Unix(1_700_000_000, 0).Add(time.Duration(t.events) * time.Second)
}

// Forget removes a workflow, as retention does.
func (t *Temporal) Forget(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.workflows, id)
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

// ExecuteWorkflow starts a workflow unless its ID was used before.
func (t *Temporal) ExecuteWorkflow(ctx context.Context, options client.StartWorkflowOptions, _ any, args ...any) (client.WorkflowRun, error) {
	if err := t.up(ctx); err != nil {
		return nil, err
	}
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(args...)
	if err != nil {
		return nil, err
	}
	memo := &commonpb.Memo{Fields: make(map[string]*commonpb.Payload)}
	for key, value := range options.Memo {
		if memo.Fields[key], err = converter.GetDefaultDataConverter().ToPayload(value); err != nil {
			return nil, err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.starts++
	if t.workflows[options.ID] != nil {
		return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("already started", "request", "run")
	}
	if t.workflows == nil {
		t.workflows = make(map[string]*workflow)
	}
	t.workflows[options.ID] = &workflow{
		options: options, input: payloads, memo: memo,
		run: run{status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, start: t.tick()},
	}
	if t.LoseStarts > 0 {
		t.LoseStarts--
		return nil, serviceerror.NewDeadlineExceeded("no answer in time")
	}
	return nil, nil
}

func (t *Temporal) find(ctx context.Context, id string) (workflow, error) {
	if err := t.up(ctx); err != nil {
		return workflow{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	found := t.workflows[id]
	if found == nil {
		return workflow{}, serviceerror.NewNotFound("workflow not found for ID: " + id)
	}
	return *found, nil
}

// DescribeWorkflowExecution tells status, memo and start time.
func (t *Temporal) DescribeWorkflowExecution(ctx context.Context, id, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	found, err := t.find(ctx, id)
	if err != nil {
		return nil, err
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{
		WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
			Status: found.status, Memo: found.memo, StartTime: timestamppb.New(found.start),
		},
	}, nil
}

// GetWorkflowHistory returns the started event.
func (t *Temporal) GetWorkflowHistory(ctx context.Context, id, _ string, _ bool, _ enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	found, err := t.find(ctx, id)
	return &history{event: &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{Input: found.input},
	}}, err: err}
}

type history struct {
	event *historypb.HistoryEvent
	err   error
}

func (h *history) HasNext() bool                          { return true }
func (h *history) Next() (*historypb.HistoryEvent, error) { return h.event, h.err }

// QueryWorkflow answers with Progress.
func (t *Temporal) QueryWorkflow(ctx context.Context, id, _, _ string, _ ...any) (converter.EncodedValue, error) {
	if _, err := t.find(ctx, id); err != nil {
		return nil, err
	}
	if err := t.worker(ctx); err != nil {
		return nil, err
	}
	return value{t.progress()}, nil
}

func (t *Temporal) progress() contract.Progress {
	t.mu.Lock()
	progress, query := t.Progress, t.Query
	t.mu.Unlock()
	if query != nil {
		return query()
	}
	return progress
}

type value struct{ progress contract.Progress }

func (v value) HasValue() bool { return true }

func (v value) Get(target any) error {
	progress, ok := target.(*contract.Progress)
	if !ok {
		return errors.New("the target is no *contract.Progress")
	}
	*progress = v.progress
	return nil
}

// UpdateWorkflow answers as Update says.
func (t *Temporal) UpdateWorkflow(ctx context.Context, options client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	found, err := t.find(ctx, options.WorkflowID)
	if err != nil {
		return nil, err
	}
	if found.status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return nil, serviceerror.NewNotFound("workflow execution already completed")
	}
	t.mu.Lock()
	t.updates = append(t.updates, options)
	answer := t.Update
	t.mu.Unlock()
	if err := t.worker(ctx); err != nil {
		return nil, err
	}
	var refusal error
	if answer != nil {
		refusal = answer(ctx, options.UpdateName, options.Args)
	}
	return handle{value: value{t.progress()}, err: refusal}, nil
}

type handle struct {
	value
	err error
}

func (h handle) WorkflowID() string { return "" }
func (h handle) RunID() string      { return "" }
func (h handle) UpdateID() string   { return "" }

func (h handle) Get(_ context.Context, target any) error {
	if h.err != nil || target == nil {
		return h.err
	}
	return h.value.Get(target)
}
