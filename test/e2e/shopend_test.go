package e2e_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/audit"
	"orderflow/services/inventory"
	"orderflow/services/notification"
	"orderflow/services/order"
	"orderflow/services/shipping"
	"orderflow/workflows/contract"
)

// end is what is left when an order has come to its end, seen from outside.
type end struct {
	Status order.Status
	Saga   order.Saga
	// Kept is the money that was taken and not given back, in minor units.
	Kept int64
	// Sent says that the carrier has a parcel.
	Sent  bool
	Stock inventory.Stock
	// Told is what the customer was told.
	Told []notification.Template
	// Decisions are those of people.
	Decisions []decision
}

// decision is the payload of an OrderIntervened, without its time.
type decision struct {
	Action        order.InterventionAction
	Step          string
	Actor, Reason string
}

// awaitEnd waits until the order's workflow has closed, and keeps its end
// under the name of its product. An order ends shipped, with everything where
// it belongs, or cancelled, with everything back: whatever else may be kept, a
// person must have decided.
func (s *shop) awaitEnd(name, id string) end {
	s.t.Helper()
	s.awaitClosed(id)
	view := s.settled(id)
	found := end{
		Status: view.Status, Saga: view.Saga,
		Sent: view.Shipment != nil && view.Shipment.Status == string(shipping.Accepted),
		Told: s.told(id), Decisions: s.decisions(id),
	}
	if view.Payment != nil {
		found.Kept = view.Payment.Captured.Amount - view.Payment.Refunded.Amount
	}
	s.get("/v1/inventory/"+name, &found.Stock)
	s.ends[name] = found

	quantity := view.Items[0].Quantity
	switch found.Status {
	case order.Shipped:
		require.Equal(s.t, order.SagaCompleted, found.Saga.State)
		require.Equal(s.t, view.TotalAmount.Amount, found.Kept)
		require.True(s.t, found.Sent)
		require.Equal(s.t, inventory.Stock{ProductID: name, OnHand: onHand - quantity, Shipped: quantity}, found.Stock)
		require.Equal(s.t, []notification.Template{notification.OrderShipped}, found.Told)
	case order.Cancelled:
		require.Equal(s.t, order.SagaCompensated, found.Saga.State)
		told := notification.OrderUndone
		if !settledByHand(found.Saga) {
			require.Zero(s.t, found.Kept)
		} else if isRefundSkipped(found.Saga) {
			told = notification.OrderUndoneUnrefunded
		}
		require.False(s.t, found.Sent)
		require.Equal(s.t, inventory.Stock{ProductID: name, OnHand: onHand}, found.Stock)
		require.Equal(s.t, []notification.Template{told}, found.Told)
	default:
		require.Fail(s.t, "not at its end", "%s: %+v", id, found)
	}
	return found
}

// awaitClosed waits for the end of the order's workflow, by asking Temporal
// alone: the services may be in no state to be asked.
func (s *shop) awaitClosed(id string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	_ = s.workflows.GetWorkflow(ctx, id, "").Get(ctx, nil) // an order that was undone closes with an error
	require.NoError(s.t, ctx.Err(), "%s has no end", id)
}

// settled reads an order that has come to its end, when all its parts can be
// read.
func (s *shop) settled(id string) orderView {
	s.t.Helper()
	var view struct {
		orderView
		Unavailable []string
	}
	s.eventually(func() bool {
		found, err := s.call(s.t.Context(), http.MethodGet, "/v1/orders/"+id, nil)
		if err != nil || found.status != http.StatusOK {
			return false
		}
		view.orderView, view.Unavailable = orderView{}, nil
		return json.Unmarshal(found.body, &view) == nil && view.Saga.State.Final() && len(view.Unavailable) == 0
	}, "%s can be read", id)
	for i := range view.Saga.Steps {
		step := &view.Saga.Steps[i]
		step.Error = withoutCause(step.Error)
		if step.State == string(contract.StepSkipped) && step.Compensation != nil && step.Compensation.Resolution == "" {
			step.Compensation = nil // on the fast way only: a lost task may have taken the step
		}
		if step.Compensation != nil {
			step.Compensation.Error = withoutCause(step.Compensation.Error)
		}
	}
	return view.orderView
}

// withoutCause leaves out of a step's error what kept its service from
// answering, which is not the same each time.
func withoutCause(failure string) string {
	const late = "no answer in time"
	if strings.HasPrefix(failure, late) {
		return late
	}
	return failure
}

// told is what was queued for the customer.
func (s *shop) told(id string) (templates []notification.Template) {
	s.t.Helper()
	var page audit.Page[notification.MessageRow]
	s.get("/v1/ops/audit/notification?table=message&order="+id, &page)
	for _, message := range page.Items {
		templates = append(templates, message.Template)
	}
	return templates
}

// decisions are those in the order's events.
func (s *shop) decisions(id string) (found []decision) {
	s.t.Helper()
	var events struct{ Items []order.Event }
	s.get("/v1/orders/"+id+"/events", &events)
	for _, event := range events.Items {
		if event.EventType == "OrderIntervened" {
			var decided decision
			require.NoError(s.t, json.Unmarshal(event.Payload, &decided))
			found = append(found, decided)
		}
	}
	return found
}

func settledByHand(saga order.Saga) bool {
	for _, step := range saga.Steps {
		if step.Compensation != nil && step.Compensation.Resolution != "" {
			return true
		}
	}
	return false
}

// isRefundSkipped reports whether an operator has given the refund up.
func isRefundSkipped(saga order.Saga) bool {
	return slices.ContainsFunc(saga.Steps, func(step order.SagaStep) bool {
		return step.Name == contract.StepChargePayment && step.Compensation != nil && step.Compensation.State == string(contract.StepSkipped)
	})
}

func (s *shop) eventually(condition func() bool, message string, args ...any) {
	s.t.Helper()
	require.Eventually(s.t, condition, patience, 20*time.Millisecond, append([]any{message}, args...)...)
}
