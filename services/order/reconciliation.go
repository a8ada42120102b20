package order

import (
	"context"
	"net/http"

	"orderflow/internal/effects"
)

// OpenOrders is a kind of effects: orders that are drafts or confirmed, by the
// time at which they were created. A list may be some milliseconds behind.
const OpenOrders = "open-orders"

// Open returns a page of the orders that have not come to their end.
func (c *Client) Open(ctx context.Context, query effects.Query) (effects.Page, error) {
	return effects.List(ctx, c.caller, OpenOrders, query)
}

// MaxStatuses is how many orders a StatusQuery names at most.
const MaxStatuses = 500

// StatusQuery asks where orders stand.
type StatusQuery struct {
	OrderIDs []string `json:"orderIds"`
}

// StatusList says where orders stand, as far as the read model knows. An order
// that it does not know is absent.
type StatusList struct {
	Items []Standing `json:"items"`
}

// Standing is where one order stands.
type Standing struct {
	OrderID string `json:"orderId"`
	Status  Status `json:"status"`
}

// Statuses asks where orders stand, by the order's ID. The answer may be some
// milliseconds behind; an order that does not exist is absent.
func (c *Client) Statuses(ctx context.Context, orderIDs []string) (map[string]Status, error) {
	var list StatusList
	if err := c.caller.Call(ctx, http.MethodPost, "/v1/orders/statuses", StatusQuery{OrderIDs: orderIDs}, &list); err != nil {
		return nil, err
	}
	statuses := make(map[string]Status, len(list.Items))
	for _, item := range list.Items {
		statuses[item.OrderID] = item.Status
	}
	return statuses, nil
}
