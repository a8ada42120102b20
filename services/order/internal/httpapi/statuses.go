package httpapi

import (
	"context"
	"fmt"

	"orderflow/internal/validate"
	"orderflow/services/order"
)

// statuses answers POST /v1/orders/statuses: a query with a body, because it
// names more orders than an address may hold.
func (h Handlers) statuses(ctx context.Context, query order.StatusQuery) (order.StatusList, error) {
	return h.Statuses.Of(ctx, query.OrderIDs)
}

func validStatusQuery(query order.StatusQuery) error {
	fields := validate.New()
	fields.Count("/orderIds", len(query.OrderIDs), 1, order.MaxStatuses)
	if len(query.OrderIDs) <= order.MaxStatuses {
		for i, id := range query.OrderIDs {
			fields.Text(fmt.Sprintf("/orderIds/%d", i), id, 1, validate.MaxText)
		}
	}
	return fields.Err()
}
