package order

import (
	"context"
	"encoding/json"
	"time"

	"orderflow/internal/audit"
	"orderflow/services/money"
)

// EventRow is a row of the table event, in the order of streams and versions.
type EventRow struct {
	Position      int64  `json:"position"`
	EventID       string `json:"eventId"`
	AggregateType string `json:"aggregateType"`
	AggregateID   string `json:"aggregateId"`
	Version       int64  `json:"version"`
	EventType     string `json:"eventType"`
	SchemaVersion int    `json:"schemaVersion"`
	// Payload and Metadata are JSON values, or the stored text as a JSON
	// string where it is none.
	Payload    json.RawMessage `json:"payload"`
	Metadata   json.RawMessage `json:"metadata"`
	OccurredAt time.Time       `json:"occurredAt"`
}

// EventHeadRow is the one row of the table event_head: every position up to
// this one was given to an event.
type EventHeadRow struct {
	Position   int64     `json:"position"`
	OccurredAt time.Time `json:"occurredAt,omitzero"`
}

// ProjectionRow is a row of the table projection: how far a generation of the
// read model has come.
type ProjectionRow struct {
	Generation int64 `json:"generation"`
	// Live is true for the one generation that readers see.
	Live     bool  `json:"live"`
	Position int64 `json:"position"`
}

// ViewRow is a row of the table order_view, live generation. Checkpoint is the
// generation's position at the moment when the row was read: the row is what
// the order's events up to there make.
type ViewRow struct {
	OrderID    string          `json:"orderId"`
	Version    int64           `json:"version"`
	Ordinal    int64           `json:"ordinal"`
	View       json.RawMessage `json:"view"`
	Checkpoint int64           `json:"checkpoint"`
}

// SummaryRow is a row of the table order_summary, live generation; see ViewRow
// for Checkpoint.
type SummaryRow struct {
	OrderID      string      `json:"orderId"`
	CustomerID   string      `json:"customerId"`
	CustomerName string      `json:"customerName"`
	Status       Status      `json:"status"`
	ItemCount    int         `json:"itemCount"`
	TotalAmount  money.Money `json:"totalAmount"`
	CreatedAt    time.Time   `json:"createdAt"`
	Ordinal      int64       `json:"ordinal"`
	Version      int64       `json:"version"`
	Checkpoint   int64       `json:"checkpoint"`
}

// CountRow is a row of the table order_count, live generation: how many orders
// of a customer have which status. See ViewRow for Checkpoint.
type CountRow struct {
	CustomerID string `json:"customerId"`
	Draft      int64  `json:"draft"`
	Confirmed  int64  `json:"confirmed"`
	Shipped    int64  `json:"shipped"`
	Cancelled  int64  `json:"cancelled"`
	Checkpoint int64  `json:"checkpoint"`
}

// CountBlockRow is a row of the table order_count_block, live generation: the
// same for the customer's orders with ordinals from Block × Span on, Span of
// them.
type CountBlockRow struct {
	CountRow
	Span  int64 `json:"span"`
	Block int64 `json:"block"`
}

// AuditEvents returns a page of the table event.
func (c *Client) AuditEvents(ctx context.Context, query audit.Query) (audit.Page[EventRow], error) {
	return audit.Rows[EventRow](ctx, c.caller, "event", query)
}

// AuditEventHead returns the table event_head.
func (c *Client) AuditEventHead(ctx context.Context, query audit.Query) (audit.Page[EventHeadRow], error) {
	return audit.Rows[EventHeadRow](ctx, c.caller, "event_head", query)
}

// AuditProjections returns a page of the table projection.
func (c *Client) AuditProjections(ctx context.Context, query audit.Query) (audit.Page[ProjectionRow], error) {
	return audit.Rows[ProjectionRow](ctx, c.caller, "projection", query)
}

// AuditViews returns a page of the table order_view.
func (c *Client) AuditViews(ctx context.Context, query audit.Query) (audit.Page[ViewRow], error) {
	return audit.Rows[ViewRow](ctx, c.caller, "order_view", query)
}

// AuditSummaries returns a page of the table order_summary.
func (c *Client) AuditSummaries(ctx context.Context, query audit.Query) (audit.Page[SummaryRow], error) {
	return audit.Rows[SummaryRow](ctx, c.caller, "order_summary", query)
}

// AuditCounts returns a page of the table order_count.
func (c *Client) AuditCounts(ctx context.Context, query audit.Query) (audit.Page[CountRow], error) {
	return audit.Rows[CountRow](ctx, c.caller, "order_count", query)
}

// AuditCountBlocks returns a page of the table order_count_block.
func (c *Client) AuditCountBlocks(ctx context.Context, query audit.Query) (audit.Page[CountBlockRow], error) {
	return audit.Rows[CountBlockRow](ctx, c.caller, "order_count_block", query)
}

// AuditFence returns a page of the table fence.
func (c *Client) AuditFence(ctx context.Context, query audit.Query) (audit.Page[audit.FenceRow], error) {
	return audit.Rows[audit.FenceRow](ctx, c.caller, audit.FenceTable, query)
}
