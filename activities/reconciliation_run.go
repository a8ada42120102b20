package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"

	"orderflow/workflows/contract"
)

// lastRun is what Temporal knows of the latest run of an order's workflow.
type lastRun struct {
	// known is false when Temporal has no run, or none any more.
	known   bool
	runID   string
	running bool
	status  enumspb.WorkflowExecutionStatus
	// failedAs is the type of the failure of a run that failed.
	failedAs string
	closedAt time.Time
	// input is what the run was started with; nil when it cannot be read.
	input *contract.PlaceOrderInput
}

// endedItself reports whether the run came to the end of its own code.
func (r lastRun) endedItself() bool {
	switch r.status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return true
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:
		return r.failedAs == contract.ErrorSagaFailed || r.failedAs == contract.ErrorInvalidInput
	default:
		return false
	}
}

// shipped reports whether the run took the order to the customer.
func (r lastRun) shipped() bool { return r.status == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED }

// recovery reports whether the run was one.
func (r lastRun) recovery() bool { return r.input != nil && r.input.Recovery != nil }

// how says how the run ended, for the customer's eyes too.
func (r lastRun) how() string {
	switch {
	case r.known && r.endedItself(), !r.known:
		return "lost"
	case r.status == enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return "timed out"
	case r.status == enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:
		return "failed"
	default:
		return "terminated"
	}
}

// lastRun asks Temporal for the latest run of an order.
func (a *Reconciliation) lastRun(ctx context.Context, orderID string) (lastRun, error) {
	described, err := a.Temporal.DescribeWorkflowExecution(ctx, orderID, "")
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return lastRun{}, nil
	}
	if err != nil {
		return lastRun{}, fmt.Errorf("looking up the workflow of %s: %w", orderID, err)
	}
	info := described.GetWorkflowExecutionInfo()
	run := lastRun{
		known: true, runID: info.GetExecution().GetRunId(), status: info.GetStatus(), closedAt: info.GetCloseTime().AsTime(),
	}
	if run.running = info.GetCloseTime() == nil; run.running {
		return run, nil
	}
	if run.status == enumspb.WORKFLOW_EXECUTION_STATUS_FAILED {
		closing, err := a.event(ctx, orderID, run.runID, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
		if err != nil {
			return lastRun{}, err
		}
		run.failedAs = closing.GetWorkflowExecutionFailedEventAttributes().GetFailure().GetApplicationFailureInfo().GetType()
	}
	first, err := a.event(ctx, orderID, run.runID, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if err != nil {
		return lastRun{}, err
	}
	var input contract.PlaceOrderInput
	decoded := a.Converter.FromPayloads(first.GetWorkflowExecutionStartedEventAttributes().GetInput(), &input)
	if decoded == nil && input.OrderID == orderID {
		run.input = &input
	}
	return run, nil
}

// event returns the first event of a run's history, or of what the filter leaves
// of it. That the history has just been removed is an error too: the next look
// finds no run.
func (a *Reconciliation) event(ctx context.Context, orderID, runID string, filter enumspb.HistoryEventFilterType) (*historypb.HistoryEvent, error) {
	history := a.Temporal.GetWorkflowHistory(ctx, orderID, runID, false, filter)
	if !history.HasNext() {
		return nil, fmt.Errorf("the history of %s has no event", orderID)
	}
	event, err := history.Next()
	if err != nil {
		return nil, fmt.Errorf("reading the history of %s: %w", orderID, err)
	}
	return event, nil
}
