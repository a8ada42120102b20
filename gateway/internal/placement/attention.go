package placement

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"orderflow/gateway/internal/workflowclient"
	"orderflow/workflows/contract"
)

const (
	// MaxFlagged is how far the list of flagged orders can be read. Who has
	// more of them has another problem than the last ones.
	MaxFlagged = 1000
	// maxStopped is how many stopped workflows are looked at. The reconciler
	// takes them over one after the other, so that the latest matter.
	maxStopped = 100
)

// Conditions of Temporal's visibility store. They name no order: SQL stores
// take none, and give open workflows by their start, closed ones by their end,
// the latest first.
const (
	flagged = "WorkflowType = '" + contract.PlaceOrder + "' AND ExecutionStatus = 'Running'" +
		" AND " + contract.AttributeNeedsAttention + " = true"
	stopped = "WorkflowType = '" + contract.PlaceOrder + "' AND ExecutionStatus IN ('Terminated', 'TimedOut')"
)

// Stop is how a workflow was stopped from outside, so that its own code could
// not bring the order to an end.
type Stop string

// The ways of being stopped.
const (
	Terminated Stop = "terminated"
	TimedOut   Stop = "timed-out"
)

// Listed is one order as Temporal's visibility store lists it, some moments
// behind the truth.
type Listed struct {
	OrderID    string
	CustomerID string
	StartedAt  time.Time
	// Stop and StoppedAt are empty while the workflow is open.
	Stop      Stop
	StoppedAt time.Time
}

// Flagged lists the orders whose open workflows need an operator, the latest
// first: at most limit of them after the first offset, and how many there are
// in all. Offset and limit together are at most MaxFlagged.
// problem.Unavailable when Temporal does not answer.
func (p *Placements) Flagged(ctx context.Context, offset, limit int) (orders []Listed, total int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeouts.List)
	defer cancel()

	counted, err := p.visibility.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: flagged})
	if err != nil {
		return nil, 0, listError("counting the flagged workflows", err)
	}
	if limit > 0 {
		// The store pages by tokens only, so that a page costs those before it.
		orders, err = p.list(ctx, flagged, min(offset+limit, MaxFlagged))
	}
	if err != nil {
		return nil, 0, listError("listing the flagged workflows", err)
	}
	return orders[min(offset, len(orders)):], counted.GetCount(), nil
}

// Stopped lists the orders whose workflows were terminated or timed out, the
// latest first, the latest hundred at most. A run that was started for the
// order since, and an end that the order has reached nevertheless, do not take
// it off the list. problem.Unavailable when Temporal does not answer.
func (p *Placements) Stopped(ctx context.Context) ([]Listed, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeouts.List)
	defer cancel()

	runs, err := p.list(ctx, stopped, maxStopped)
	if err != nil {
		return nil, listError("listing the stopped workflows", err)
	}
	var orders []Listed
	seen := make(map[string]bool, len(runs))
	for _, run := range runs {
		if !seen[run.OrderID] {
			seen[run.OrderID] = true
			orders = append(orders, run)
		}
	}
	return orders, nil
}

// list returns the first rows that the condition meets.
func (p *Placements) list(ctx context.Context, condition string, most int) ([]Listed, error) {
	var rows []Listed
	var next []byte
	for len(rows) < most {
		page, err := p.visibility.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: condition, PageSize: int32(most - len(rows)), NextPageToken: next,
		})
		if err != nil {
			return nil, err
		}
		for _, info := range page.GetExecutions() {
			row, err := listed(info)
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
		if next = page.GetNextPageToken(); len(next) == 0 {
			break
		}
	}
	return rows, nil
}

func listed(info *workflowpb.WorkflowExecutionInfo) (Listed, error) {
	row := Listed{OrderID: info.GetExecution().GetWorkflowId(), StartedAt: info.GetStartTime().AsTime()}
	switch info.GetStatus() { //nolint:exhaustive // the others were not asked for
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		row.Stop = Terminated
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		row.Stop = TimedOut
	}
	if row.Stop != "" {
		row.StoppedAt = info.GetCloseTime().AsTime()
	}
	// Search attributes are not encrypted, so the client's converter has no
	// part in reading them.
	customerID, there := info.GetSearchAttributes().GetIndexedFields()[contract.AttributeCustomerID]
	if !there {
		return row, nil
	}
	if err := converter.GetDefaultDataConverter().FromPayload(customerID, &row.CustomerID); err != nil {
		return row, fmt.Errorf("decoding the customer of %s: %w", row.OrderID, err)
	}
	return row, nil
}

func listError(doing string, err error) error {
	return workflowclient.Unavailable("the list cannot be read at the moment", fmt.Errorf("%s: %w", doing, err))
}
