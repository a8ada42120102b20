package catalog

import (
	"context"
	"time"

	"orderflow/internal/audit"
)

// ProductRow is a row of the table product: which product there is, and how
// often it has changed.
type ProductRow struct {
	ProductID string    `json:"productId"`
	Version   int64     `json:"version"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// AuditProducts returns a page of the table product.
func (c *Client) AuditProducts(ctx context.Context, query audit.Query) (audit.Page[ProductRow], error) {
	return audit.Rows[ProductRow](ctx, c.caller, "product", query)
}
