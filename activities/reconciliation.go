package activities

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"orderflow/internal/telemetry"
	"orderflow/services/inventory"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
	"orderflow/workflows/contract"
)

// Temporal is what reconciliation needs of a Temporal client; client.Client has
// it.
type Temporal interface {
	ListWorkflow(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error)
	DescribeWorkflowExecution(ctx context.Context, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error)
	GetWorkflowHistory(ctx context.Context, workflowID, runID string, isLongPoll bool, filter enumspb.HistoryEventFilterType) client.HistoryEventIterator
	ExecuteWorkflow(ctx context.Context, options client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error)
}

// Reconciliation are the activities of Reconcile. Unlike those of the saga they
// decide: whether an order needs a recovery rests on what Temporal and the
// services say at that moment. Nothing is guessed; who does not answer makes
// the activity fail.
type Reconciliation struct {
	Temporal Temporal
	// Converter is that of the Temporal client.
	Converter converter.DataConverter
	// Now is the clock.
	Now func() time.Time

	Orders    *order.Client
	Inventory *inventory.Client
	Payment   *payment.Client
	Shipping  *shipping.Client
}

// unansweredOrders is about how many orders of a page nobody could tell of
// before the page fails: then it is not the order, but who is asked.
const unansweredOrders = 5

// FindSuspects reads a page of a source and returns the orders on it that seem
// to need a recovery, or somebody. An order about which nothing can be said is
// one of them.
func (a *Reconciliation) FindSuspects(ctx context.Context, request contract.SuspectsRequest) (contract.Suspects, error) {
	found, err := a.readPage(ctx, request)
	if err != nil {
		return contract.Suspects{}, a.failed(ctx, err)
	}
	page := contract.Suspects{Looked: found.looked, Next: found.next}
	unanswered := 0
	for _, suspect := range found.suspects {
		verdict, err := a.decide(ctx, suspect)
		if err != nil {
			if unanswered++; unanswered > unansweredOrders {
				return contract.Suspects{}, a.failed(ctx, err)
			}
		}
		if err != nil || verdict.recover || verdict.alarming {
			page.Orders = append(page.Orders, suspect)
		}
	}
	return page, nil
}

// RecoverOrder decides about an order again and starts its recovery, unless
// somebody takes care of it by now.
func (a *Reconciliation) RecoverOrder(ctx context.Context, suspect contract.Suspect) (contract.Decision, error) {
	ctx = telemetry.WithOrderID(ctx, suspect.OrderID)
	verdict, err := a.decide(ctx, suspect)
	if err != nil {
		return contract.Decision{}, a.failed(ctx, err)
	}
	switch {
	case verdict.alarming:
		return a.inNeed(ctx, suspect, verdict.reason), nil
	case !verdict.recover:
		return contract.Decision{Reason: verdict.reason}, nil
	}
	input := verdict.input
	input.Recovery.Settled, err = a.settlements(ctx, suspect.OrderID, verdict.run)
	switch {
	case errors.Is(err, errUnreadableWord):
		return a.inNeed(ctx, suspect, err.Error()), nil
	case err != nil:
		return contract.Decision{}, a.failed(ctx, err)
	}
	started, err := a.start(ctx, input)
	if err != nil {
		return contract.Decision{}, a.failed(ctx, err)
	}
	if !started {
		return contract.Decision{Reason: "another run has just begun"}, nil
	}
	activity.GetLogger(ctx).Warn("A recovery was started", "orderId", suspect.OrderID, "source", suspect.Source, "reason", verdict.reason)
	return contract.Decision{Recovered: true, Reason: verdict.reason}, nil
}

// inNeed tells of an order that a recovery would not help, or might harm.
func (a *Reconciliation) inNeed(ctx context.Context, suspect contract.Suspect, reason string) contract.Decision {
	activity.GetLogger(ctx).Error("An order needs somebody and is left alone",
		"orderId", suspect.OrderID, "source", suspect.Source, "reason", reason)
	return contract.Decision{InNeed: true, Reason: reason}
}

// failed gives an error Temporal's form.
func (a *Reconciliation) failed(ctx context.Context, err error) error {
	return translate(err, int(activity.GetInfo(ctx).Attempt), rand.Float64())
}
