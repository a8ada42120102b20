package inventory

import (
	"context"
	"net/http"
	"net/url"

	"orderflow/internal/rpc"
)

// Client calls the inventory service. Every method makes one attempt; its
// errors are those of rpc.Client.Call: a *problem.Error is the service's final
// answer, a *rpc.Error means that the call may be made again.
type Client struct {
	caller rpc.Caller
}

// NewClient returns a client that calls through caller.
func NewClient(caller rpc.Caller) *Client { return &Client{caller: caller} }

// Reserve holds stock for an order. problem.OutOfStock when any line cannot be
// had; nothing is held then.
func (c *Client) Reserve(ctx context.Context, request ReserveRequest) (Reservation, error) {
	var reservation Reservation
	err := c.caller.Call(ctx, http.MethodPost, "/v1/reservations", request, &reservation)
	return reservation, err
}

// Release undoes Reserve, whether or not it has happened, and its Commit.
func (c *Client) Release(ctx context.Context, request ReleaseRequest) error {
	return c.caller.Call(ctx, http.MethodPost, "/v1/reservations/release", request, nil)
}

// Commit takes the order's reserved stock off the shelf. problem.Conflict when
// the order holds nothing, problem.AlreadyCompensated when it did and has
// released it. Both are final.
func (c *Client) Commit(ctx context.Context, request CommitRequest) error {
	return c.caller.Call(ctx, http.MethodPost, "/v1/reservations/commit", request, nil)
}

// Stock returns a product's figures, or problem.NotFound.
func (c *Client) Stock(ctx context.Context, productID string) (Stock, error) {
	var stock Stock
	err := c.caller.Call(ctx, http.MethodGet, stockPath(productID), nil, &stock)
	return stock, err
}

// SetOnHand records a count of a product's stock and returns the new figures.
// problem.Conflict when the count is below what is reserved.
func (c *Client) SetOnHand(ctx context.Context, count StockCount) (Stock, error) {
	var stock Stock
	err := c.caller.Call(ctx, http.MethodPut, stockPath(count.ProductID), count, &stock)
	return stock, err
}

// SetFirstOnHand records the first count of a product's stock.
// problem.Conflict when the product has figures already; they stay.
func (c *Client) SetFirstOnHand(ctx context.Context, count StockCount) (Stock, error) {
	var stock Stock
	err := c.caller.Call(ctx, http.MethodPut, stockPath(count.ProductID)+"?first=true", count, &stock)
	return stock, err
}

func stockPath(productID string) string { return "/v1/inventory/" + url.PathEscape(productID) }
