package shipping

import (
	"context"
	"net/http"
	"net/url"

	"orderflow/internal/rpc"
)

// Client calls the shipping service. Every method makes one attempt; its
// errors are those of rpc.Client.Call: a *problem.Error is the service's final
// answer, a *rpc.Error means that the call may be made again.
type Client struct {
	caller rpc.Caller
}

// NewClient returns a client that calls through caller.
func NewClient(caller rpc.Caller) *Client { return &Client{caller: caller} }

// Ship makes a shipment at the carrier. problem.ShipmentRefused when the
// carrier does not take it.
func (c *Client) Ship(ctx context.Context, request ShipRequest) (Shipment, error) {
	var shipment Shipment
	err := c.caller.Call(ctx, http.MethodPost, "/v1/shipments", request, &shipment)
	return shipment, err
}

// Cancel undoes Ship, whether or not it has happened.
func (c *Client) Cancel(ctx context.Context, request CancelRequest) error {
	return c.caller.Call(ctx, http.MethodPost, "/v1/shipments/cancel", request, nil)
}

// Shipment returns what is known of an order's parcel, or problem.NotFound.
func (c *Client) Shipment(ctx context.Context, orderID string) (Shipment, error) {
	var shipment Shipment
	err := c.caller.Call(ctx, http.MethodGet, "/v1/shipments/"+url.PathEscape(orderID), nil, &shipment)
	return shipment, err
}
