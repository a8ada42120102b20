package readmodel

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"

	"orderflow/internal/sqlstore"
	"orderflow/services/order"
)

// loadRows returns the rows of those orders that a generation has.
func loadRows(ctx context.Context, q sqlstore.Queryer, generation int64, ids []string) (map[string]*row, error) {
	loaded := make(map[string]*row, len(ids))
	if len(ids) == 0 {
		return loaded, nil
	}
	args := []any{generation}
	for _, id := range ids {
		args = append(args, id)
	}
	rows, err := q.QueryContext(ctx, `
		SELECT created_position, view FROM order_view
		WHERE generation = $1 AND order_id IN `+tuples(2, 1, len(ids)), args...)
	if err != nil {
		return nil, fmt.Errorf("loading order views: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var r row
		var text string
		if err := rows.Scan(&r.createdPosition, &text); err != nil {
			return nil, fmt.Errorf("loading order views: %w", err)
		}
		if err := json.Unmarshal([]byte(text), &r.view); err != nil {
			return nil, fmt.Errorf("reading a stored order view: %w", err)
		}
		r.storedStatus, r.storedVersion = r.view.Status, r.view.Version
		loaded[r.view.OrderID] = &r
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("loading order views: %w", err)
	}
	return loaded, nil
}

// write brings a generation's rows to what the batch says.
func (b *batch) write(ctx context.Context, tx *sql.Tx, generation int64) error {
	ids := b.changed()
	if len(ids) == 0 {
		return nil
	}
	if err := b.writeViews(ctx, tx, generation, ids); err != nil {
		return err
	}
	if err := b.writeSummaries(ctx, tx, generation, ids); err != nil {
		return err
	}
	return b.writeCounts(ctx, tx, generation, ids)
}

func (b *batch) writeViews(ctx context.Context, tx *sql.Tx, generation int64, ids []string) error {
	var args []any
	for _, id := range ids {
		r := b.rows[id]
		view, err := json.Marshal(r.view)
		if err != nil {
			return fmt.Errorf("encoding the view of order %s: %w", id, err)
		}
		args = append(args, generation, id, r.view.Version, r.createdPosition, string(view))
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO order_view (generation, order_id, version, created_position, view)
		VALUES `+tuples(1, len(ids), 5)+`
		ON CONFLICT (generation, order_id) DO UPDATE SET version = excluded.version, view = excluded.view`, args...)
	if err != nil {
		return fmt.Errorf("writing order views: %w", err)
	}
	return nil
}

// writeSummaries changes only the status of a row that exists: all else in it
// was frozen when the order was created.
func (b *batch) writeSummaries(ctx context.Context, tx *sql.Tx, generation int64, ids []string) error {
	var args []any
	for _, id := range ids {
		r := b.rows[id]
		args = append(args, generation, id, r.view.CustomerID, r.view.CustomerName, string(r.view.Status), len(r.view.Items),
			r.view.TotalAmount.Amount, r.view.TotalAmount.Currency, r.view.CreatedAt.UnixMicro(), r.createdPosition, r.view.Version)
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO order_summary (generation, order_id, customer_id, customer_name, status, item_count,
		                           total_amount, currency, created_at, created_position, version)
		VALUES `+tuples(1, len(ids), 11)+`
		ON CONFLICT (generation, order_id) DO UPDATE SET status = excluded.status, version = excluded.version`, args...)
	if err != nil {
		return fmt.Errorf("writing order summaries: %w", err)
	}
	return nil
}

// statuses fixes the order of the counters' columns.
var statuses = [4]order.Status{order.Draft, order.Confirmed, order.Shipped, order.Cancelled}

func (b *batch) writeCounts(ctx context.Context, tx *sql.Tx, generation int64, ids []string) error {
	changes := make(map[string]*[len(statuses)]int64)
	var customers []string
	for _, id := range ids {
		r := b.rows[id]
		change := changes[r.view.CustomerID]
		if change == nil {
			change = new([len(statuses)]int64)
			changes[r.view.CustomerID] = change
			customers = append(customers, r.view.CustomerID)
		}
		for i, status := range statuses {
			if status == r.view.Status {
				change[i]++
			}
			if status == r.storedStatus {
				change[i]--
			}
		}
	}
	var args []any
	for _, customer := range customers {
		change := changes[customer]
		args = append(args, generation, customer, change[0], change[1], change[2], change[3])
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO order_count (generation, customer_id, draft, confirmed, shipped, cancelled)
		VALUES `+tuples(1, len(customers), 6)+`
		ON CONFLICT (generation, customer_id) DO UPDATE SET
			draft = order_count.draft + excluded.draft,
			confirmed = order_count.confirmed + excluded.confirmed,
			shipped = order_count.shipped + excluded.shipped,
			cancelled = order_count.cancelled + excluded.cancelled`, args...)
	if err != nil {
		return fmt.Errorf("writing order counts: %w", err)
	}
	return nil
}

// tuples returns rows of placeholders, "($1,$2),($3,$4)", counting from first.
func tuples(first, rows, columns int) string {
	var text strings.Builder
	for row := range rows {
		if row > 0 {
			text.WriteByte(',')
		}
		for column := range columns {
			if column == 0 {
				text.WriteByte('(')
			} else {
				text.WriteByte(',')
			}
			fmt.Fprintf(&text, "$%d", first+row*columns+column)
		}
		text.WriteByte(')')
	}
	return text.String()
}
