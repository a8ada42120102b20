package readmodel

import (
	"context"
	"database/sql"
	"fmt"
)

// dropAbandoned removes every generation that readers do not see and that no
// rebuild fills.
func (r *Rebuilder) dropAbandoned(ctx context.Context) error {
	left, err := r.abandoned(ctx)
	if err != nil {
		return err
	}
	for _, generation := range left {
		if err := r.drop(ctx, generation); err != nil {
			return fmt.Errorf("removing generation %d of the read model: %w", generation, err)
		}
	}
	return nil
}

func (r *Rebuilder) abandoned(ctx context.Context) (generations []int64, err error) {
	rows, err := r.projector.db.Reader().QueryContext(ctx, `
		SELECT generation FROM projection
		WHERE live = 0 AND generation NOT IN (SELECT generation FROM rebuild WHERE state = 'running')`)
	if err != nil {
		return nil, fmt.Errorf("listing generations: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var generation int64
		if err := rows.Scan(&generation); err != nil {
			return nil, fmt.Errorf("listing generations: %w", err)
		}
		generations = append(generations, generation)
	}
	return generations, rows.Err()
}

// nowhere is the checkpoint that no projector has, so that none writes into a
// generation that is being removed.
const nowhere = -1

// dropChunk is about how many rows one transaction removes, so that commands do
// not wait long for it.
const dropChunk = 1000

func (r *Rebuilder) drop(ctx context.Context, generation int64) error {
	err := r.exec(ctx, `UPDATE projection SET position = $2 WHERE generation = $1 AND live = 0`, generation, nowhere)
	if err != nil {
		return err
	}
	for _, statement := range []string{
		`DELETE FROM order_view WHERE generation = $1 AND order_id IN
			(SELECT order_id FROM order_view WHERE generation = $1 LIMIT $2)`,
		`DELETE FROM order_summary WHERE generation = $1 AND order_id IN
			(SELECT order_id FROM order_summary WHERE generation = $1 LIMIT $2)`,
		`DELETE FROM order_count WHERE generation = $1 AND customer_id IN
			(SELECT customer_id FROM order_count WHERE generation = $1 LIMIT $2)`,
		`DELETE FROM order_count_block WHERE generation = $1 AND customer_id IN
			(SELECT customer_id FROM order_count_block WHERE generation = $1 LIMIT $2)`,
	} {
		if err := r.deleteInChunks(ctx, statement, generation); err != nil {
			return err
		}
	}
	return r.exec(ctx, `DELETE FROM projection WHERE generation = $1 AND live = 0`, generation)
}

func (r *Rebuilder) deleteInChunks(ctx context.Context, statement string, generation int64) error {
	for {
		var deleted int64
		err := r.projector.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			result, err := tx.ExecContext(ctx, statement, generation, dropChunk)
			if err != nil {
				return err
			}
			deleted, err = result.RowsAffected()
			return err
		})
		if err != nil || deleted < dropChunk {
			return err
		}
	}
}

func (r *Rebuilder) exec(ctx context.Context, statement string, args ...any) error {
	return r.projector.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
}
