package query

import (
	"context"

	"orderflow/services/order"
)

// CustomerOrders lists the orders of one customer.
type CustomerOrders struct {
	projected Projection
}

// NewCustomerOrders returns the handler.
func NewCustomerOrders(projected Projection) *CustomerOrders {
	return &CustomerOrders{projected: projected}
}

// Page returns a page, newest first. A customer without orders has an empty
// one. The query must have a page from 1 and a limit from 1.
//
// A query that names an order that the caller has seen waits until the read
// model has come to that version, but no longer than a moment: the list is then
// as it is.
func (c *CustomerOrders) Page(ctx context.Context, query order.ListQuery) (order.Page, error) {
	if query.SeenOrder != "" {
		if err := c.catchUp(ctx, query.SeenOrder, query.SeenVersion); err != nil {
			return order.Page{}, err
		}
	}
	return c.projected.Views.Page(ctx, query)
}

func (c *CustomerOrders) catchUp(ctx context.Context, orderID string, version int64) error {
	view, err := c.projected.find(ctx, orderID)
	if err != nil || view.Version >= version {
		return err
	}
	_, _, err = c.projected.await(ctx, orderID, version)
	return err
}
