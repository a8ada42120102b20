package catalog

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"orderflow/internal/conditional"
	"orderflow/internal/rpc"
)

// Client calls the catalogue service. Every method makes one attempt; its
// errors are those of rpc.Client.Call: a *problem.Error is the service's final
// answer, a *rpc.Error means that the call may be made again.
type Client struct {
	caller rpc.Caller
}

// NewClient returns a client that calls through caller.
func NewClient(caller rpc.Caller) *Client { return &Client{caller: caller} }

// Product returns one product, or problem.NotFound.
func (c *Client) Product(ctx context.Context, productID string) (Product, error) {
	var found Product
	err := c.caller.Call(ctx, http.MethodGet, productPath(productID), nil, &found)
	return found, err
}

// Lookup returns those of the products that exist, in no particular order.
func (c *Client) Lookup(ctx context.Context, productIDs []string) ([]Product, error) {
	var answer LookupAnswer
	err := c.caller.Call(ctx, http.MethodPost, "/v1/products/lookup", LookupRequest{ProductIDs: productIDs}, &answer)
	return answer.Products, err
}

// Products returns one page; page counts from 1, limit is 1 to 100.
func (c *Client) Products(ctx context.Context, page, limit int) (Page, error) {
	query := url.Values{"page": {strconv.Itoa(page)}, "limit": {strconv.Itoa(limit)}}
	var found Page
	err := c.caller.Call(ctx, http.MethodGet, "/v1/products?"+query.Encode(), nil, &found)
	return found, err
}

// Put creates or replaces a product and returns the row as stored. Writing
// what is stored already changes nothing, not even the version.
//
// The zero condition writes over whatever is there. Whoever changes a row that
// they have read demands conditional.IfVersion of its version, and on
// problem.PreconditionFailed reads again: somebody else was faster.
func (c *Client) Put(ctx context.Context, record Record, condition conditional.Condition) (Product, error) {
	var stored Product
	err := c.caller.Call(ctx, http.MethodPut, productPath(record.ProductID)+condition.Query(), record, &stored)
	return stored, err
}

func productPath(id string) string { return "/v1/products/" + url.PathEscape(id) }
