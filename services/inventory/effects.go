package inventory

import (
	"context"

	"orderflow/internal/effects"
)

// HeldReservations is a kind of effects: what steps hold, since when.
const HeldReservations = "held-reservations"

// Held returns a page of what steps hold.
func (c *Client) Held(ctx context.Context, query effects.Query) (effects.Page, error) {
	return effects.List(ctx, c.caller, HeldReservations, query)
}
