package shipping

import (
	"context"

	"orderflow/internal/effects"
)

// AcceptedShipments is a kind of effects: shipments that the carrier has
// accepted, by the time at which they last changed.
const AcceptedShipments = "accepted-shipments"

// Accepted returns a page of the shipments that the carrier has accepted.
func (c *Client) Accepted(ctx context.Context, query effects.Query) (effects.Page, error) {
	return effects.List(ctx, c.caller, AcceptedShipments, query)
}

// OpenFences returns a page of the fences whose outcome is not known.
func (c *Client) OpenFences(ctx context.Context, query effects.Query) (effects.Page, error) {
	return effects.List(ctx, c.caller, effects.OpenFences, query)
}
