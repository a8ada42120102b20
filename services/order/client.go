package order

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"orderflow/internal/rpc"
)

// Client calls the order service. Every method makes one attempt; its errors
// are those of rpc.Client.Call: a *problem.Error is the service's final
// answer, a *rpc.Error means that the call may be made again.
type Client struct {
	caller rpc.Caller
}

// NewClient returns a client that calls through caller.
func NewClient(caller rpc.Caller) *Client { return &Client{caller: caller} }

// Create records a new draft.
func (c *Client) Create(ctx context.Context, request CreateRequest) (Acknowledgement, error) {
	return c.command(ctx, "/v1/orders", request)
}

// Confirm records that a draft is reserved and paid. problem.Conflict when it
// is no draft.
func (c *Client) Confirm(ctx context.Context, request ConfirmRequest) (Acknowledgement, error) {
	return c.command(ctx, orderPath(request.Key.OrderID)+"/confirm", request)
}

// Ship records that a confirmed order has left, with the outcome of its saga.
// problem.Conflict when it is not confirmed.
func (c *Client) Ship(ctx context.Context, request ShipRequest) (Acknowledgement, error) {
	return c.command(ctx, orderPath(request.Key.OrderID)+"/ship", request)
}

// Cancel undoes Create, whether or not it has happened, with the outcome of
// the saga. problem.TooLate when the order has shipped.
func (c *Client) Cancel(ctx context.Context, request CancelRequest) (Acknowledgement, error) {
	return c.command(ctx, orderPath(request.Key.OrderID)+"/cancel", request)
}

// RecordIntervention records what a person decided about the order's saga.
// problem.NotFound when the order does not exist: it may be about to, so this
// answer is not final.
func (c *Client) RecordIntervention(ctx context.Context, request InterventionRequest) (Acknowledgement, error) {
	return c.command(ctx, orderPath(request.Key.OrderID)+"/interventions", request)
}

// Order returns the order as it is now, or problem.NotFound. The view is never
// older than the last acknowledged command.
func (c *Client) Order(ctx context.Context, orderID string) (View, error) {
	var view View
	err := c.caller.Call(ctx, http.MethodGet, orderPath(orderID), nil, &view)
	return view, err
}

// OrderAfter returns the order as soon as its version is above the given one,
// also when it does not exist yet. When wait is over, or the service drains, it
// returns the order as it is then (compare the versions), or problem.NotFound.
// Wait is at most a minute, and must be shorter than the caller's timeout for
// one attempt. To be told of every change, call again with the version of the
// last answer.
func (c *Client) OrderAfter(ctx context.Context, orderID string, version int64, wait time.Duration) (View, error) {
	query := url.Values{
		"after": {strconv.FormatInt(version, 10)},
		"wait":  {strconv.FormatFloat(wait.Seconds(), 'f', 3, 64)},
	}
	var view View
	err := c.caller.Call(ctx, http.MethodGet, orderPath(orderID)+"?"+query.Encode(), nil, &view)
	return view, err
}

// OrderAt returns the view as it was at a moment, or problem.NotFound when the
// order did not exist then.
func (c *Client) OrderAt(ctx context.Context, orderID string, at time.Time) (View, error) {
	query := url.Values{"asOf": {at.UTC().Format(time.RFC3339Nano)}}
	var view View
	err := c.caller.Call(ctx, http.MethodGet, orderPath(orderID)+"?"+query.Encode(), nil, &view)
	return view, err
}

// Events returns an order's stream, oldest first, or problem.NotFound.
func (c *Client) Events(ctx context.Context, orderID string) ([]Event, error) {
	var list struct {
		Items []Event `json:"items"`
	}
	err := c.caller.Call(ctx, http.MethodGet, orderPath(orderID)+"/events", nil, &list)
	return list.Items, err
}

// CustomerOrders returns a page of a customer's orders, newest first. To walk
// through the pages of a list that grows meanwhile, ask for all but the first
// with the UpTo of the first.
func (c *Client) CustomerOrders(ctx context.Context, query ListQuery) (Page, error) {
	values := url.Values{"page": {strconv.Itoa(query.Page)}, "limit": {strconv.Itoa(query.Limit)}}
	if query.Status != "" {
		values.Set("status", string(query.Status))
	}
	if query.UpTo != 0 {
		values.Set("upTo", strconv.FormatInt(query.UpTo, 10))
	}
	if query.SeenOrder != "" {
		values.Set("seenOrder", query.SeenOrder)
		values.Set("seenVersion", strconv.FormatInt(query.SeenVersion, 10))
	}
	path := "/v1/customers/" + url.PathEscape(query.CustomerID) + "/orders?" + values.Encode()
	var page Page
	err := c.caller.Call(ctx, http.MethodGet, path, nil, &page)
	return page, err
}

func (c *Client) command(ctx context.Context, path string, request any) (Acknowledgement, error) {
	var acknowledgement Acknowledgement
	err := c.caller.Call(ctx, http.MethodPost, path, request, &acknowledgement)
	return acknowledgement, err
}

func orderPath(id string) string { return "/v1/orders/" + url.PathEscape(id) }
