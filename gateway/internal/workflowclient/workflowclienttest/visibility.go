package workflowclienttest

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/types/known/timestamppb"

	"orderflow/workflows/contract"
)

// ListWorkflow lists the runs that the query's conditions, joined by AND, meet:
// open ones first and the latest first, as an SQL store does. A condition that
// it does not understand is an invalid argument.
func (s *Server[Input, Answer]) ListWorkflow(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	rows, err := s.visible(ctx, request.GetQuery())
	if err != nil {
		return nil, err
	}
	offset, size := 0, int(request.GetPageSize())
	if token := string(request.GetNextPageToken()); token != "" {
		if offset, err = strconv.Atoi(token); err != nil {
			return nil, serviceerror.NewInvalidArgument("no token of this list")
		}
	}
	s.mu.Lock()
	if s.PageSize > 0 {
		size = min(size, s.PageSize)
	}
	s.mu.Unlock()
	page := new(workflowservice.ListWorkflowExecutionsResponse)
	for _, row := range rows[offset:min(offset+size, len(rows))] {
		page.Executions = append(page.Executions, row.info())
	}
	if offset+size < len(rows) {
		page.NextPageToken = []byte(strconv.Itoa(offset + size))
	}
	return page, nil
}

// CountWorkflow counts what ListWorkflow lists.
func (s *Server[Input, Answer]) CountWorkflow(ctx context.Context, request *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error) {
	rows, err := s.visible(ctx, request.GetQuery())
	return &workflowservice.CountWorkflowExecutionsResponse{Count: int64(len(rows))}, err
}

func (s *Server[Input, Answer]) visible(ctx context.Context, query string) ([]run, error) {
	if err := s.up(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var rows []run
	for _, runs := range s.workflows {
		for _, each := range runs {
			met, err := each.meets(query)
			if err != nil {
				return nil, err
			}
			if met {
				rows = append(rows, *each)
			}
		}
	}
	slices.SortFunc(rows, func(a, b run) int {
		return -cmp.Or(cmp.Compare(bit(a.open()), bit(b.open())), a.end.Compare(b.end), a.start.Compare(b.start))
	})
	return rows, nil
}

func bit(set bool) int {
	if set {
		return 1
	}
	return 0
}

func (r *run) meets(query string) (bool, error) {
	for condition := range strings.SplitSeq(query, " AND ") {
		var met bool
		switch condition {
		case "WorkflowType = '" + contract.PlaceOrder + "'":
			met = r.workflow == contract.PlaceOrder
		case "ExecutionStatus = 'Running'":
			met = r.open()
		case "ExecutionStatus IN ('Terminated', 'TimedOut')":
			met = r.status == enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED || r.status == enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT
		case contract.AttributeNeedsAttention + " = true":
			met = r.flagged
		default:
			return false, serviceerror.NewInvalidArgument("invalid query: " + condition)
		}
		if !met {
			return false, nil
		}
	}
	return true, nil
}

func (r *run) info() *workflowpb.WorkflowExecutionInfo {
	info := &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: r.id, RunId: r.runID},
		Status:    r.status, Memo: r.memo, StartTime: timestamppb.New(r.start),
	}
	if !r.end.IsZero() {
		info.CloseTime = timestamppb.New(r.end)
	}
	customer := temporal.NewSearchAttributeKeyKeyword(contract.AttributeCustomerID)
	if customerID, there := r.options.TypedSearchAttributes.GetKeyword(customer); there {
		payload, err := converter.GetDefaultDataConverter().ToPayload(customerID)
		if err != nil {
			panic(err)
		}
		info.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{contract.AttributeCustomerID: payload}}
	}
	return info
}
