package readmodel

import (
	"context"
	"fmt"
	"slices"

	"orderflow/services/order"
)

// Statuses returns where those of the orders stand that are projected, in no
// order.
func (v *Views) Statuses(ctx context.Context, orderIDs []string) ([]order.Standing, error) {
	statuses := []order.Standing{}
	for ids := range slices.Chunk(orderIDs, ordersPerStatement) {
		found, err := v.statuses(ctx, ids)
		if err != nil {
			return nil, fmt.Errorf("reading the statuses of orders: %w", err)
		}
		statuses = append(statuses, found...)
	}
	return statuses, nil
}

func (v *Views) statuses(ctx context.Context, ids []string) (found []order.Standing, err error) {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	rows, err := v.db.Reader().QueryContext(ctx, `
		SELECT order_id, status FROM order_summary
		WHERE generation = `+liveGeneration+` AND order_id IN `+tuples(1, 1, len(ids)), args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var status order.Standing
		if err := rows.Scan(&status.OrderID, &status.Status); err != nil {
			return nil, err
		}
		found = append(found, status)
	}
	return found, rows.Err()
}
