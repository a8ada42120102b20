package customer

import (
	"context"
	"time"

	"orderflow/internal/audit"
)

// Row is a row of the table customer: which customer there is, and how
// often it has changed.
type Row struct {
	CustomerID string    `json:"customerId"`
	Version    int64     `json:"version"`
	UpdatedAt  time.Time `json:"updatedAt"`
}

// AuditCustomers returns a page of the table customer.
func (c *Client) AuditCustomers(ctx context.Context, query audit.Query) (audit.Page[Row], error) {
	return audit.Rows[Row](ctx, c.caller, "customer", query)
}
