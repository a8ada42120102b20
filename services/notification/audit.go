package notification

import (
	"context"
	"time"

	"orderflow/internal/audit"
)

// MessageRow is a row of the table message, the outbox, without the message's
// own words.
type MessageRow struct {
	Key
	CustomerID  string    `json:"customerId"`
	Template    Template  `json:"template"`
	Status      Status    `json:"status"`
	Attempts    int       `json:"attempts"`
	QueuedAt    time.Time `json:"queuedAt"`
	DueAt       time.Time `json:"dueAt"`
	DeliveredAt time.Time `json:"deliveredAt,omitzero"`
}

// DeliveryAttemptRow is a row of the table delivery_attempt. Outcome is
// started, delivered or failed.
type DeliveryAttemptRow struct {
	Key
	Attempt   int       `json:"attempt"`
	Outcome   string    `json:"outcome"`
	StartedAt time.Time `json:"startedAt"`
	EndedAt   time.Time `json:"endedAt,omitzero"`
}

// AuditMessages returns a page of the table message.
func (c *Client) AuditMessages(ctx context.Context, query audit.Query) (audit.Page[MessageRow], error) {
	return audit.Rows[MessageRow](ctx, c.caller, "message", query)
}

// AuditDeliveryAttempts returns a page of the table delivery_attempt.
func (c *Client) AuditDeliveryAttempts(ctx context.Context, query audit.Query) (audit.Page[DeliveryAttemptRow], error) {
	return audit.Rows[DeliveryAttemptRow](ctx, c.caller, "delivery_attempt", query)
}

// AuditFence returns a page of the table fence.
func (c *Client) AuditFence(ctx context.Context, query audit.Query) (audit.Page[audit.FenceRow], error) {
	return audit.Rows[audit.FenceRow](ctx, c.caller, audit.FenceTable, query)
}
