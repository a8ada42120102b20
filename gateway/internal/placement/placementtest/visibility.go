package placementtest

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

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

// run is one run of a workflow as the visibility store has it.
type run struct {
	status     enumspb.WorkflowExecutionStatus
	start, end time.Time
	flagged    bool
}

// ListWorkflow lists the runs that the query's conditions, joined by AND, meet:
// open ones first and the latest first, as an SQL store does. A condition that
// it does not understand is an invalid argument.
func (t *Temporal) ListWorkflow(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	rows, err := t.visible(ctx, request.GetQuery())
	if err != nil {
		return nil, err
	}
	offset, size := 0, int(request.GetPageSize())
	if token := string(request.GetNextPageToken()); token != "" {
		if offset, err = strconv.Atoi(token); err != nil {
			return nil, serviceerror.NewInvalidArgument("no token of this list")
		}
	}
	t.mu.Lock()
	if t.PageSize > 0 {
		size = min(size, t.PageSize)
	}
	t.mu.Unlock()
	page := &workflowservice.ListWorkflowExecutionsResponse{Executions: rows[offset:min(offset+size, len(rows))]}
	if offset+size < len(rows) {
		page.NextPageToken = []byte(strconv.Itoa(offset + size))
	}
	return page, nil
}

// CountWorkflow counts what ListWorkflow lists.
func (t *Temporal) CountWorkflow(ctx context.Context, request *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error) {
	rows, err := t.visible(ctx, request.GetQuery())
	return &workflowservice.CountWorkflowExecutionsResponse{Count: int64(len(rows))}, err
}

func (t *Temporal) visible(ctx context.Context, query string) ([]*workflowpb.WorkflowExecutionInfo, error) {
	if err := t.up(ctx); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	type row struct {
		run
		info *workflowpb.WorkflowExecutionInfo
	}
	var rows []row
	for id, started := range t.workflows {
		for _, run := range append([]run{started.run}, started.earlier...) {
			met, err := run.meets(query)
			if err != nil {
				return nil, err
			}
			if met {
				rows = append(rows, row{run, run.info(id, started)})
			}
		}
	}
	slices.SortFunc(rows, func(a, b row) int {
		return -cmp.Or(cmp.Compare(bit(a.end.IsZero()), bit(b.end.IsZero())), a.end.Compare(b.end), a.start.Compare(b.start))
	})
	infos := make([]*workflowpb.WorkflowExecutionInfo, 0, len(rows))
	for _, row := range rows {
		infos = append(infos, row.info)
	}
	return infos, nil
}

func bit(set bool) int {
	if set {
		return 1
	}
	return 0
}

func (r run) meets(query string) (bool, error) {
	for condition := range strings.SplitSeq(query, " AND ") {
		var met bool
		switch condition {
		case "WorkflowType = '" + contract.PlaceOrder + "'":
			met = true
		case "ExecutionStatus = 'Running'":
			met = r.status == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
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

func (r run) info(id string, started *workflow) *workflowpb.WorkflowExecutionInfo {
	info := &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: id},
		Status:    r.status, Memo: started.memo, StartTime: timestamppb.New(r.start),
	}
	if !r.end.IsZero() {
		info.CloseTime = timestamppb.New(r.end)
	}
	customer := temporal.NewSearchAttributeKeyKeyword(contract.AttributeCustomerID)
	if customerID, there := started.options.TypedSearchAttributes.GetKeyword(customer); there {
		payload, err := converter.GetDefaultDataConverter().ToPayload(customerID)
		if err != nil {
			panic(err)
		}
		info.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{contract.AttributeCustomerID: payload}}
	}
	return info
}
