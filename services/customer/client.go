package customer

import (
	"context"
	"net/http"
	"net/url"

	"orderflow/internal/conditional"
	"orderflow/internal/rpc"
)

// Client calls the customer service. Every method makes one attempt; its
// errors are those of rpc.Client.Call: a *problem.Error is the service's final
// answer, a *rpc.Error means that the call may be made again.
type Client struct {
	caller rpc.Caller
}

// NewClient returns a client that calls through caller.
func NewClient(caller rpc.Caller) *Client { return &Client{caller: caller} }

// Customer returns one customer, or problem.NotFound.
func (c *Client) Customer(ctx context.Context, customerID string) (Customer, error) {
	var found Customer
	err := c.caller.Call(ctx, http.MethodGet, customerPath(customerID), nil, &found)
	return found, err
}

// Put creates or replaces a customer and returns the row as stored. Writing
// what is stored already changes nothing, not even the version.
//
// The zero condition writes over whatever is there. Whoever changes a row that
// they have read demands conditional.IfVersion of its version, and on
// problem.PreconditionFailed reads again: somebody else was faster.
func (c *Client) Put(ctx context.Context, record Record, condition conditional.Condition) (Customer, error) {
	var stored Customer
	err := c.caller.Call(ctx, http.MethodPut, customerPath(record.CustomerID)+condition.Query(), record, &stored)
	return stored, err
}

func customerPath(id string) string { return "/v1/customers/" + url.PathEscape(id) }
