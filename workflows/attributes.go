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

// index updates the workflow's search attributes. Each call costs as much as
// an activity, so there is one at the end, and one more only when an operator
// is needed.
func (s *saga) index(updates ...temporal.SearchAttributeUpdate) {
	if err := workflow.UpsertTypedSearchAttributes(s.backward, updates...); err != nil {
		workflow.GetLogger(s.backward).Error("Search attributes not updated", "orderId", s.in.OrderID, "error", err)
	}
}

// flag puts the order on the operators' list, or takes it off.
func (s *saga) flag(attention bool) {
	updates := []temporal.SearchAttributeUpdate{
		needsAttention.ValueSet(attention), orderState.ValueSet(string(s.progress.State)),
	}
	if s.failedStep != "" {
		updates = append(updates, failedStep.ValueSet(s.failedStep))
	}
	s.index(updates...)
}
