package workflowclienttest

import (
	"context"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// ExecuteWorkflow starts a run, unless one of its ID is open or the options
// want an ID to be used only once.
func (s *Server[Input, Answer]) ExecuteWorkflow(ctx context.Context, options client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error) {
	if err := s.up(ctx); err != nil {
		return nil, err
	}
	input, err := converter.GetDefaultDataConverter().ToPayloads(args...)
	if err != nil {
		return nil, err
	}
	memo := &commonpb.Memo{Fields: make(map[string]*commonpb.Payload)}
	for key, value := range options.Memo {
		if memo.Fields[key], err = converter.GetDefaultDataConverter().ToPayload(value); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starts++
	once := options.WorkflowIDReusePolicy == enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
	if last := s.newest(options.ID); last != nil && (once || last.open()) {
		return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("already started", "request", last.runID)
	}
	s.add(&run{id: options.ID, workflow: fmt.Sprint(workflow), options: options, input: input, memo: memo})
	if s.LoseStarts > 0 {
		s.LoseStarts--
		return nil, serviceerror.NewDeadlineExceeded("no answer in time")
	}
	return nil, nil
}

// DescribeWorkflowExecution tells run, status, memo and start time.
func (s *Server[Input, Answer]) DescribeWorkflowExecution(ctx context.Context, id, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	found, err := s.find(ctx, id, runID)
	if err != nil {
		return nil, err
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: found.runID},
		Status:    found.status, Memo: found.memo, StartTime: timestamppb.New(found.start),
	}}, nil
}

// GetWorkflowHistory returns the started event.
func (s *Server[Input, Answer]) GetWorkflowHistory(ctx context.Context, id, runID string, _ bool, _ enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	found, err := s.find(ctx, id, runID)
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

// QueryWorkflow answers as Query or Answer says.
func (s *Server[Input, Answer]) QueryWorkflow(ctx context.Context, id, runID, _ string, _ ...any) (converter.EncodedValue, error) {
	if _, err := s.find(ctx, id, runID); err != nil {
		return nil, err
	}
	if err := s.worker(ctx); err != nil {
		return nil, err
	}
	return answered{value: s.answer()}, nil
}

func (s *Server[Input, Answer]) answer() Answer {
	s.mu.Lock()
	answer, query := s.Answer, s.Query
	s.mu.Unlock()
	if query != nil {
		return query()
	}
	return answer
}

// UpdateWorkflow answers as Update says, and as it did when the run has accepted
// an update of this ID before. What was refused is not remembered.
func (s *Server[Input, Answer]) UpdateWorkflow(ctx context.Context, options client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	found, err := s.find(ctx, options.WorkflowID, "")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	first, repeated := found.accepted[options.UpdateID]
	if !repeated && found.open() {
		s.updates = append(s.updates, options)
	}
	decide := s.Update
	s.mu.Unlock()
	switch {
	case repeated:
		return handle{answered{value: first}}, nil
	case !found.open():
		return nil, serviceerror.NewNotFound("workflow execution already completed")
	}
	if err := s.worker(ctx); err != nil {
		return nil, err
	}
	var decided answered
	if decide != nil {
		decided.err = decide(ctx, options.UpdateName, options.Args)
	}
	decided.value = s.answer()
	if decided.err == nil {
		s.accept(found, options, decided.value)
	}
	return handle{decided}, nil
}

// accept keeps the answer: a copy of a run has the run's own map.
func (s *Server[Input, Answer]) accept(by run, update client.UpdateWorkflowOptions, answer any) {
	s.mu.Lock()
	if update.UpdateID != "" {
		by.accepted[update.UpdateID] = answer
	}
	ends := s.EndsWith == update.UpdateName
	s.mu.Unlock()
	if ends {
		s.Close(by.id, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
	}
}

// answered is what a worker has said.
type answered struct {
	value any
	err   error
}

// HasValue is part of converter.EncodedValue.
func (a answered) HasValue() bool { return true }

// Get decodes the answer through the converter, as the SDK does.
func (a answered) Get(target any) error {
	if a.err != nil || target == nil {
		return a.err
	}
	payload, err := converter.GetDefaultDataConverter().ToPayload(a.value)
	if err != nil {
		return err
	}
	return converter.GetDefaultDataConverter().FromPayload(payload, target)
}

// handle is an answer to an update.
type handle struct{ answered }

// WorkflowID is not kept.
func (h handle) WorkflowID() string { return "" }

// RunID is not kept.
func (h handle) RunID() string { return "" }

// UpdateID is not kept.
func (h handle) UpdateID() string { return "" }

// Get returns what was decided.
func (h handle) Get(_ context.Context, target any) error { return h.answered.Get(target) }
