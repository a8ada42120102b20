package inventory

import (
	"context"
	"time"

	"orderflow/internal/audit"
)

// StockRow is a row of the table stock, in the order of products.
type StockRow struct {
	ProductID string `json:"productId"`
	OnHand    int64  `json:"onHand"`
	Reserved  int64  `json:"reserved"`
	Shipped   int64  `json:"shipped"`
	// Version is how many changes have made the row.
	Version int64 `json:"version"`
}

// StockChangeRow is a row of the table stock_change, in the order of orders,
// products and versions; those of no order come first.
type StockChangeRow struct {
	OrderID   string `json:"orderId,omitempty"`
	ProductID string `json:"productId"`
	// Version numbers the changes of one product, from 1.
	Version int64 `json:"version"`
	// Kind is initial, adjustment, reserve, release, commit, or return: of what
	// was committed before its order was undone.
	Kind string `json:"kind"`
	// Quantity is signed in an adjustment only.
	Quantity  int64     `json:"quantity"`
	ChangedAt time.Time `json:"changedAt"`
}

// ReservationRow is a row of the table reservation. State is held, released or
// committed.
type ReservationRow struct {
	Key
	ProductID string `json:"productId"`
	Quantity  int64  `json:"quantity"`
	State     string `json:"state"`
}

// AuditStock returns a page of the table stock.
func (c *Client) AuditStock(ctx context.Context, query audit.Query) (audit.Page[StockRow], error) {
	return audit.Rows[StockRow](ctx, c.caller, "stock", query)
}

// AuditStockChanges returns a page of the table stock_change.
func (c *Client) AuditStockChanges(ctx context.Context, query audit.Query) (audit.Page[StockChangeRow], error) {
	return audit.Rows[StockChangeRow](ctx, c.caller, "stock_change", query)
}

// AuditReservations returns a page of the table reservation.
func (c *Client) AuditReservations(ctx context.Context, query audit.Query) (audit.Page[ReservationRow], error) {
	return audit.Rows[ReservationRow](ctx, c.caller, "reservation", query)
}

// AuditFence returns a page of the table fence.
func (c *Client) AuditFence(ctx context.Context, query audit.Query) (audit.Page[audit.FenceRow], error) {
	return audit.Rows[audit.FenceRow](ctx, c.caller, audit.FenceTable, query)
}
