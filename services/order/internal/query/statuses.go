package query

import (
	"context"

	"orderflow/services/order"
)

// Statuses tells where many orders stand at once.
type Statuses struct {
	projected Projection
}

// NewStatuses returns the handler.
func NewStatuses(projected Projection) *Statuses { return &Statuses{projected: projected} }

// Of returns where orders stand as far as the read model knows.
func (s *Statuses) Of(ctx context.Context, orderIDs []string) (order.StatusList, error) {
	items, err := s.projected.Views.Statuses(ctx, orderIDs)
	return order.StatusList{Items: items}, err
}
