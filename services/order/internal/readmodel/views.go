package readmodel

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"orderflow/internal/sqlstore"
	"orderflow/services/order"
)

// Views answers queries from the live generation. It is safe for concurrent
// use.
type Views struct {
	db *sqlstore.DB
}

// NewViews returns the views in an opened database.
func NewViews(db *sqlstore.DB) *Views { return &Views{db: db} }

const liveGeneration = `(SELECT generation FROM projection WHERE live = 1)`

// Find returns the order's view as far as it is projected; found is false when
// nothing of the order is.
func (v *Views) Find(ctx context.Context, orderID string) (view order.View, found bool, err error) {
	var text string
	err = v.db.Reader().QueryRowContext(ctx,
		`SELECT view FROM order_view WHERE generation = `+liveGeneration+` AND order_id = $1`, orderID).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return order.View{}, false, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &view)
	}
	if err != nil {
		return order.View{}, false, fmt.Errorf("reading the view of order %s: %w", orderID, err)
	}
	return view, true, nil
}

// Page returns a page of a customer's orders, newest first, and how many there
// are on all pages.
func (v *Views) Page(ctx context.Context, query order.ListQuery) (order.Page, error) {
	page := order.Page{Items: []order.Summary{}, Page: query.Page, Limit: query.Limit}
	var err error
	if page.Total, err = v.total(ctx, query); err != nil {
		return order.Page{}, err
	}
	offset := int64(query.Page-1) * int64(query.Limit)
	if offset >= page.Total {
		return page, nil
	}
	condition, args := "", []any{query.CustomerID, query.Limit, offset}
	if query.Status != "" {
		condition, args = "AND status = $4", append(args, string(query.Status))
	}
	rows, err := v.db.Reader().QueryContext(ctx, `
		SELECT order_id, customer_id, customer_name, item_count, total_amount, currency, status, created_at, version
		FROM order_summary
		WHERE generation = `+liveGeneration+` AND customer_id = $1 `+condition+`
		ORDER BY created_position DESC
		LIMIT $2 OFFSET $3`, args...)
	if err != nil {
		return order.Page{}, fmt.Errorf("listing orders: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		summary, err := scanSummary(rows)
		if err != nil {
			return order.Page{}, fmt.Errorf("listing orders: %w", err)
		}
		page.Items = append(page.Items, summary)
	}
	if err := rows.Err(); err != nil {
		return order.Page{}, fmt.Errorf("listing orders: %w", err)
	}
	return page, nil
}

func scanSummary(rows *sql.Rows) (order.Summary, error) {
	var summary order.Summary
	var status string
	var createdAt int64
	err := rows.Scan(&summary.OrderID, &summary.CustomerID, &summary.CustomerName, &summary.ItemCount,
		&summary.TotalAmount.Amount, &summary.TotalAmount.Currency, &status, &createdAt, &summary.Version)
	summary.Status = order.Status(status)
	summary.CreatedAt = time.UnixMicro(createdAt).UTC()
	return summary, err
}

func (v *Views) total(ctx context.Context, query order.ListQuery) (int64, error) {
	var counts [len(statuses)]int64
	err := v.db.Reader().QueryRowContext(ctx, `
		SELECT draft, confirmed, shipped, cancelled FROM order_count
		WHERE generation = `+liveGeneration+` AND customer_id = $1`, query.CustomerID).
		Scan(&counts[0], &counts[1], &counts[2], &counts[3])
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("counting orders: %w", err)
	}
	var total int64
	for i, status := range statuses {
		if query.Status == "" || query.Status == status {
			total += counts[i]
		}
	}
	return total, nil
}
