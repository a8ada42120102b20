package readmodel

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"orderflow/internal/sqlstore"
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
		SELECT ordinal, view FROM order_view
		WHERE generation = $1 AND order_id IN `+tuples(2, 1, len(ids)), args...)
	if err != nil {
		return nil, fmt.Errorf("loading order views: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var r row
		var text string
		if err := rows.Scan(&r.ordinal, &text); err != nil {
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

// ordersPerStatement keeps statements small: SQLite looks up each placeholder
// among all before it, so that ten times the rows take a hundred times as long.
const ordersPerStatement = 50

// write brings a generation's rows to what the batch says.
func (b *batch) write(ctx context.Context, tx *sql.Tx, generation int64) error {
	for ids := range slices.Chunk(b.changed(), ordersPerStatement) {
		if err := b.writeViews(ctx, tx, generation, ids); err != nil {
			return err
		}
		if err := b.writeSummaries(ctx, tx, generation, ids); err != nil {
			return err
		}
		if err := b.writeCounts(ctx, tx, generation, ids); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) writeViews(ctx context.Context, tx *sql.Tx, generation int64, ids []string) error {
	var args []any
	for _, id := range ids {
		r := b.rows[id]
		view, err := json.Marshal(r.view)
		if err != nil {
			return fmt.Errorf("encoding the view of order %s: %w", id, err)
		}
		args = append(args, generation, id, r.view.Version, r.ordinal, string(view))
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO order_view (generation, order_id, version, ordinal, view)
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
			r.view.TotalAmount.Amount, r.view.TotalAmount.Currency, r.view.CreatedAt.UnixMicro(), r.ordinal, r.view.Version)
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO order_summary (generation, order_id, customer_id, customer_name, status, item_count,
		                           total_amount, currency, created_at, ordinal, version)
		VALUES `+tuples(1, len(ids), 11)+`
		ON CONFLICT (generation, order_id) DO UPDATE SET status = excluded.status, version = excluded.version`, args...)
	if err != nil {
		return fmt.Errorf("writing order summaries: %w", err)
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
