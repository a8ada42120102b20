package readmodel

import (
	"context"
	"database/sql"
	"fmt"

	"orderflow/internal/sqlstore"
	"orderflow/services/order"
)

// statuses fixes the order of the counters' columns, whose names they are.
var statuses = [4]order.Status{order.Draft, order.Confirmed, order.Shipped, order.Cancelled}

// The counters are a tree of fixed depth over a customer's orders, with the
// customer as its root, blocks of coarseSpan ordinals below it, and blocks of
// fineSpan ordinals below these. A page at any depth is found by adding up at
// most fineSpan fine blocks, and one coarse block for each 16384 orders.
const (
	fineSpan   = 128
	coarseSpan = fineSpan * fineSpan
)

// loadOrderCounts returns how many orders each of those customers has in a
// generation; those who have none are absent.
func loadOrderCounts(ctx context.Context, q sqlstore.Queryer, generation int64, customers []string) (map[string]int64, error) {
	counts := make(map[string]int64, len(customers))
	if len(customers) == 0 {
		return counts, nil
	}
	args := []any{generation}
	for _, customer := range customers {
		args = append(args, customer)
	}
	rows, err := q.QueryContext(ctx, `
		SELECT customer_id, draft + confirmed + shipped + cancelled FROM order_count
		WHERE generation = $1 AND customer_id IN `+tuples(2, 1, len(customers)), args...)
	if err != nil {
		return nil, fmt.Errorf("loading order counts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var customer string
		var count int64
		if err := rows.Scan(&customer, &count); err != nil {
			return nil, fmt.Errorf("loading order counts: %w", err)
		}
		counts[customer] = count
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("loading order counts: %w", err)
	}
	return counts, nil
}

// tally is by how much each status's counter changes.
type tally [len(statuses)]int64

// tallies are the changes of counters, in the order in which they were first
// added to.
type tallies[Key comparable] struct {
	keys    []Key
	changes map[Key]*tally
}

// add counts the order where it stands now, and no longer where it stood.
func (t *tallies[Key]) add(key Key, r *row) {
	change := t.changes[key]
	if change == nil {
		if t.changes == nil {
			t.changes = make(map[Key]*tally)
		}
		change = new(tally)
		t.changes[key] = change
		t.keys = append(t.keys, key)
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

// block is a part of a customer's orders.
type block struct {
	customer     string
	span, number int64
}

func (b *batch) writeCounts(ctx context.Context, tx *sql.Tx, generation int64, ids []string) error {
	var customers tallies[string]
	var blocks tallies[block]
	for _, id := range ids {
		r := b.rows[id]
		customers.add(r.view.CustomerID, r)
		for _, span := range []int64{fineSpan, coarseSpan} {
			blocks.add(block{r.view.CustomerID, span, r.ordinal / span}, r)
		}
	}
	if err := writeCustomerCounts(ctx, tx, generation, &customers); err != nil {
		return fmt.Errorf("writing order counts: %w", err)
	}
	if err := writeBlockCounts(ctx, tx, generation, &blocks); err != nil {
		return fmt.Errorf("writing order counts of blocks: %w", err)
	}
	return nil
}

func writeCustomerCounts(ctx context.Context, tx *sql.Tx, generation int64, customers *tallies[string]) error {
	var args []any
	for _, customer := range customers.keys {
		change := customers.changes[customer]
		args = append(args, generation, customer, change[0], change[1], change[2], change[3])
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO order_count (generation, customer_id, draft, confirmed, shipped, cancelled)
		VALUES `+tuples(1, len(customers.keys), 6)+`
		ON CONFLICT (generation, customer_id) DO UPDATE SET
			draft = order_count.draft + excluded.draft,
			confirmed = order_count.confirmed + excluded.confirmed,
			shipped = order_count.shipped + excluded.shipped,
			cancelled = order_count.cancelled + excluded.cancelled`, args...)
	return err
}

func writeBlockCounts(ctx context.Context, tx *sql.Tx, generation int64, blocks *tallies[block]) error {
	var args []any
	for _, key := range blocks.keys {
		change := blocks.changes[key]
		args = append(args, generation, key.customer, key.span, key.number, change[0], change[1], change[2], change[3])
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO order_count_block (generation, customer_id, span, block, draft, confirmed, shipped, cancelled)
		VALUES `+tuples(1, len(blocks.keys), 8)+`
		ON CONFLICT (generation, customer_id, span, block) DO UPDATE SET
			draft = order_count_block.draft + excluded.draft,
			confirmed = order_count_block.confirmed + excluded.confirmed,
			shipped = order_count_block.shipped + excluded.shipped,
			cancelled = order_count_block.cancelled + excluded.cancelled`, args...)
	return err
}
