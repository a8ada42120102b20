package gatewayclient

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
)

// MaxAuditLimit is the greatest number of rows that a page of an audit has.
const MaxAuditLimit = 1000

// AuditQuery asks for a page of a service's raw rows.
type AuditQuery struct {
	// After is the Next of the page before, "" for the first page.
	After string
	// Limit is 1 to MaxAuditLimit; 0 leaves it to the service.
	Limit int
	// OrderID asks for the rows of one order only, "" for all.
	OrderID string
}

// AuditPage is a page of a table's rows.
type AuditPage struct {
	Items []json.RawMessage `json:"items"`
	// Next is the cursor of the next page, "" on the last.
	Next string `json:"next"`
}

// Audit reads a page of a service's table. It needs an operator's token.
// problem.NotFound when there is no such service or table.
func (c *Client) Audit(ctx context.Context, service, table string, query AuditQuery) (AuditPage, error) {
	values := url.Values{"table": {table}}
	if query.After != "" {
		values.Set("after", query.After)
	}
	if query.Limit != 0 {
		values.Set("limit", strconv.Itoa(query.Limit))
	}
	if query.OrderID != "" {
		values.Set("order", query.OrderID)
	}
	var page AuditPage
	_, err := c.do(ctx, call{
		method: http.MethodGet, path: "/v1/ops/audit/" + url.PathEscape(service) + "?" + values.Encode(), out: &page,
	})
	return page, err
}
