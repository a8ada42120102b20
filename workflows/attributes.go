package workflows

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"orderflow/workflows/contract"
)

var (
	orderState     = temporal.NewSearchAttributeKeyKeyword(contract.AttributeOrderState)
	failedStep     = temporal.NewSearchAttributeKeyKeyword(contract.AttributeFailedStep)
	needsAttention = temporal.NewSearchAttributeKeyBool(contract.AttributeNeedsAttention)
)

// stateNow is what lists show of an order that has not ended.
func (s *saga) stateNow() temporal.SearchAttributeUpdate {
	switch {
	case s.progress.Hold != nil:
		return orderState.ValueSet(contract.StateHeld)
	case s.stepToFix() != "":
		return orderState.ValueSet(contract.StateWaiting)
	default:
		return orderState.ValueSet(string(s.progress.State))
	}
}

// index updates the workflow's search attributes. Each call costs as much as
// an activity, so there is one at the end, and others only where somebody must
// find the order.
func (s *saga) index(updates ...temporal.SearchAttributeUpdate) {
	if err := workflow.UpsertTypedSearchAttributes(s.backward, updates...); err != nil {
		workflow.GetLogger(s.backward).Error("Search attributes not updated", "orderId", s.in.OrderID, "error", err)
	}
}

// flag puts the order on the operators' list, or takes it off.
func (s *saga) flag(attention bool) {
	updates := []temporal.SearchAttributeUpdate{
		needsAttention.ValueSet(attention), s.stateNow(),
	}
	if s.failedStep != "" && !s.undecided() { // it may be shipped yet
		updates = append(updates, failedStep.ValueSet(s.failedStep))
	}
	s.index(updates...)
}
