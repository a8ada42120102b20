package notification

import (
	"context"
	"net/http"
	"net/url"

	"orderflow/internal/rpc"
)

// Client calls the notification service. Every method makes one attempt; its
// errors are those of rpc.Client.Call: a *problem.Error is the service's final
// answer, a *rpc.Error means that the call may be made again.
type Client struct {
	caller rpc.Caller
}

// NewClient returns a client that calls through caller.
func NewClient(caller rpc.Caller) *Client { return &Client{caller: caller} }

// Notify queues a message; it is stored when the call returns.
func (c *Client) Notify(ctx context.Context, request NotifyRequest) error {
	return c.caller.Call(ctx, http.MethodPost, "/v1/notifications", request, nil)
}

// Notifications returns an order's messages, oldest first.
func (c *Client) Notifications(ctx context.Context, orderID string) ([]Notification, error) {
	var list struct {
		Items []Notification `json:"items"`
	}
	err := c.caller.Call(ctx, http.MethodGet, "/v1/notifications/"+url.PathEscape(orderID), nil, &list)
	return list.Items, err
}
