package payment

import (
	"context"

	"orderflow/internal/effects"
)

// CapturedCharges is a kind of effects: charges whose money the shop has, all of
// it or a part, by the time at which they last changed.
const CapturedCharges = "captured-charges"

// Captured returns a page of the charges whose money the shop has.
func (c *Client) Captured(ctx context.Context, query effects.Query) (effects.Page, error) {
	return effects.List(ctx, c.caller, CapturedCharges, query)
}

// OpenFences returns a page of the fences whose outcome is not known.
func (c *Client) OpenFences(ctx context.Context, query effects.Query) (effects.Page, error) {
	return effects.List(ctx, c.caller, effects.OpenFences, query)
}
