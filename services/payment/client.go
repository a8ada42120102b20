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

// Refund undoes Charge, whether or not it has happened: it gives back whatever
// is left of the charge. It returns nil only after the provider has confirmed
// that the money is back. problem.RefundRefused when the provider refuses for good:
// somebody must act, and the same request again then asks it anew.
func (c *Client) Refund(ctx context.Context, request RefundRequest) error {
	return c.caller.Call(ctx, http.MethodPost, "/v1/charges/refund", request, nil)
}

// RefundAgreed gives a part of the order's money back, and returns only after
// the provider has confirmed it. Final refusals, after which nothing more has
// gone back:
//
//   - problem.Conflict: nothing was captured, or less than the amount is left (see
//     the field /amount/amount);
//   - problem.RefundRefused: the provider refuses for good. That stays the answer
//     of the key; another attempt needs another one;
//   - problem.Invalid: the charge is in another currency;
//   - problem.AlreadyCompensated: the saga has undone the charge;
//   - problem.KeyReused: the key came before with another request.
func (c *Client) RefundAgreed(ctx context.Context, request AgreedRefundRequest) (Refund, error) {
	var refund Refund
	err := c.caller.Call(ctx, http.MethodPost, "/v1/refunds", request, &refund)
	return refund, err
}

// Refunds lists the refunds of an order in every state. An order of which
// nothing is known has none.
func (c *Client) Refunds(ctx context.Context, orderID string) (RefundList, error) {
	var list RefundList
	err := c.caller.Call(ctx, http.MethodGet, "/v1/payments/"+url.PathEscape(orderID)+"/refunds", nil, &list)
	return list, err
}

// SimulateRefunds tells the built-in provider what to do with the refunds of an
// order from now on: RefuseRefunds blocks its compensation, AcceptRefunds
// unblocks it.
func (c *Client) SimulateRefunds(ctx context.Context, orderID string, refunds SimulatedRefunds) error {
	return c.caller.Call(ctx, http.MethodPut, "/v1/simulator/refunds/"+url.PathEscape(orderID), RefundSwitch{Refunds: refunds}, nil)
}

// Payment returns what is known of an order's money, or problem.NotFound.
func (c *Client) Payment(ctx context.Context, orderID string) (Payment, error) {
	var payment Payment
	err := c.caller.Call(ctx, http.MethodGet, "/v1/payments/"+url.PathEscape(orderID), nil, &payment)
	return payment, err
}
