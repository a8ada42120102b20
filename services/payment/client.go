package payment

import (
	"context"
	"net/http"
	"net/url"

	"orderflow/internal/rpc"
)

// Client calls the payment service. Every method makes one attempt; its errors
// are those of rpc.Client.Call: a *problem.Error is the service's final
// answer, a *rpc.Error means that the call may be made again.
type Client struct {
	caller rpc.Caller
}

// NewClient returns a client that calls through caller.
func NewClient(caller rpc.Caller) *Client { return &Client{caller: caller} }

// Charge captures the amount. problem.PaymentDeclined when the provider
// refuses; nothing is captured then.
func (c *Client) Charge(ctx context.Context, request ChargeRequest) (Payment, error) {
	var payment Payment
	err := c.caller.Call(ctx, http.MethodPost, "/v1/charges", request, &payment)
	return payment, err
}

// Refund undoes Charge, whether or not it has happened. It returns only after
// the provider has confirmed that the money is back.
func (c *Client) Refund(ctx context.Context, request RefundRequest) error {
	return c.caller.Call(ctx, http.MethodPost, "/v1/charges/refund", request, nil)
}

// Payment returns what is known of an order's money, or problem.NotFound.
func (c *Client) Payment(ctx context.Context, orderID string) (Payment, error) {
	var payment Payment
	err := c.caller.Call(ctx, http.MethodGet, "/v1/payments/"+url.PathEscape(orderID), nil, &payment)
	return payment, err
}
