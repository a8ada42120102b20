package activities

import (
	"context"
	"encoding/base64"
	"fmt"
	"time"

	"go.temporal.io/api/workflowservice/v1"

	"orderflow/internal/effects"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// pageSize bounds one activity: an order that must be decided about takes a few
// calls.
const pageSize = 200

// found is a page of a source after what its own list can tell.
type found struct {
	looked   int
	suspects []contract.Suspect
	next     string
}

func (a *Reconciliation) readPage(ctx context.Context, request contract.SuspectsRequest) (found, error) {
	if request.Source == contract.SourceClosed {
		return a.closedBadly(ctx, request)
	}
	list, ok := a.lists()[request.Source]
	if !ok {
		return found{}, fmt.Errorf("there is no source %q", request.Source)
	}
	page, err := list(ctx, effects.Query{Since: request.Since, Before: request.Before, After: request.Cursor, Limit: pageSize})
	if err != nil {
		return found{}, fmt.Errorf("listing %s: %w", request.Source, err)
	}
	suspects := make([]contract.Suspect, len(page.Items))
	for i, effect := range page.Items {
		suspects[i] = contract.Suspect{
			OrderID: effect.OrderID, Source: request.Source, Step: effect.Step, Revision: effect.Revision, Since: effect.Since,
		}
	}
	if request.Source != contract.SourceOpenOrders {
		suspects, err = a.strays(ctx, suspects)
	}
	return found{looked: len(page.Items), suspects: suspects, next: page.Next}, err
}

// lists are the sources that are services. The stock's fences are none: its
// effects are local, so none of its fences is ever open.
func (a *Reconciliation) lists() map[contract.Source]func(context.Context, effects.Query) (effects.Page, error) {
	return map[contract.Source]func(context.Context, effects.Query) (effects.Page, error){
		contract.SourceOpenOrders:     a.Orders.Open,
		contract.SourceReservations:   a.Inventory.Held,
		contract.SourceCharges:        a.Payment.Captured,
		contract.SourceShipments:      a.Shipping.Accepted,
		contract.SourcePaymentFences:  a.Payment.OpenFences,
		contract.SourceShippingFences: a.Shipping.OpenFences,
	}
}

// strays leaves out what belongs to an order in the state that it should be in:
// nearly all. Open orders are a source of their own, and what an order had when
// it was shipped is there to stay, except for a reservation.
func (a *Reconciliation) strays(ctx context.Context, all []contract.Suspect) ([]contract.Suspect, error) {
	if len(all) == 0 {
		return nil, nil
	}
	ids := make([]string, len(all))
	for i, suspect := range all {
		ids[i] = suspect.OrderID
	}
	statuses, err := a.Orders.Statuses(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("asking where the orders stand: %w", err)
	}
	var strays []contract.Suspect
	for _, suspect := range all {
		status, known := statuses[suspect.OrderID]
		if !known || status == order.Cancelled || status == order.Shipped && suspect.Source == contract.SourceReservations {
			strays = append(strays, suspect)
		}
	}
	return strays, nil
}

// closedQuery finds the workflows that did not end by their own code. One that
// did has settled before, and says so in its search attribute, as has one that
// was ended from outside while it told the customer; who started a workflow by
// hand may have given it no attribute. Temporal's visibility store lags behind,
// but what is settled stays so.
func closedQuery(since, before time.Time) string {
	query := fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus IN ('Terminated', 'TimedOut', 'Failed')"+
		" AND (%[2]s IS NULL OR %[2]s NOT IN ('%[3]s', '%[4]s')) AND CloseTime < '%[5]s'",
		contract.PlaceOrder, contract.AttributeOrderState, contract.SagaCompleted, contract.SagaCompensated, before.UTC().Format(time.RFC3339Nano))
	if !since.IsZero() {
		query += fmt.Sprintf(" AND CloseTime >= '%s'", since.UTC().Format(time.RFC3339Nano))
	}
	return query
}

func (a *Reconciliation) closedBadly(ctx context.Context, request contract.SuspectsRequest) (found, error) {
	token, err := base64.StdEncoding.DecodeString(request.Cursor)
	if err != nil {
		return found{}, fmt.Errorf("reading the cursor of %s: %w", request.Source, err)
	}
	page, err := a.Temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query: closedQuery(request.Since, request.Before), PageSize: pageSize, NextPageToken: token,
	})
	if err != nil {
		return found{}, fmt.Errorf("listing %s: %w", request.Source, err)
	}
	closed := found{looked: len(page.GetExecutions()), next: base64.StdEncoding.EncodeToString(page.GetNextPageToken())}
	seen := map[string]bool{}
	for _, run := range page.GetExecutions() {
		id := run.GetExecution().GetWorkflowId()
		if seen[id] {
			continue // an earlier run of the same order
		}
		seen[id] = true
		closed.suspects = append(closed.suspects, contract.Suspect{
			OrderID: id, Source: request.Source, Since: run.GetCloseTime().AsTime(),
		})
	}
	return closed, nil
}
