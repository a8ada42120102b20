package query

import (
	"context"

	"orderflow/services/order"
	"orderflow/services/order/internal/readmodel"
)

// CustomerOrders lists the orders of one customer.
type CustomerOrders struct {
	views *readmodel.Views
}

// NewCustomerOrders returns the handler.
func NewCustomerOrders(views *readmodel.Views) *CustomerOrders { return &CustomerOrders{views: views} }

// Page returns a page, newest first. A customer without orders has an empty
// one. The query must have a page from 1 and a limit from 1.
func (c *CustomerOrders) Page(ctx context.Context, query order.ListQuery) (order.Page, error) {
	return c.views.Page(ctx, query)
}
