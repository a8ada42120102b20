package readmodel

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ErrRebuildOvertaken reports that another rebuild began meanwhile and took
// over. The read model is as good as before.
var ErrRebuildOvertaken = errors.New("another rebuild has taken over")

// Rebuild projects all events again into a new generation, and lets readers see
// it once it has come as far as the live one. Reads, commands and the projector
// go on meanwhile. What an earlier rebuild left behind is removed first, what
// this one replaces at the end.
//
// Its error is a *PoisonError, ErrRebuildOvertaken, or the database's own; the
// live generation is untouched then.
func (p *Projector) Rebuild(ctx context.Context) error {
	if err := p.dropHidden(ctx); err != nil {
		return err
	}
	next, err := p.newGeneration(ctx)
	if err != nil {
		return err
	}
	for {
		count, err := p.advance(ctx, next)
		if errors.Is(err, errOvertaken) {
			return ErrRebuildOvertaken
		}
		if err != nil {
			return fmt.Errorf("rebuilding the read model: %w", err)
		}
		next.position += int64(count)
		if count == p.batch {
			continue
		}
		swapped, err := p.swap(ctx, next)
		if err != nil {
			return err
		}
		if swapped {
			return p.dropHidden(ctx)
		}
	}
}

func (p *Projector) newGeneration(ctx context.Context) (checkpoint, error) {
	var next checkpoint
	err := p.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		return tx.QueryRowContext(ctx, `
			INSERT INTO projection (generation, live, position)
			SELECT MAX(generation) + 1, 0, 0 FROM projection
			RETURNING generation`).Scan(&next.generation)
	})
	if err != nil {
		return checkpoint{}, fmt.Errorf("beginning a rebuild: %w", err)
	}
	return next, nil
}

// swap makes a generation the live one, unless it is behind the live one:
// readers must never see time go backwards.
func (p *Projector) swap(ctx context.Context, next checkpoint) (swapped bool, err error) {
	err = p.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		swapped = false
		var behind int64
		err := tx.QueryRowContext(ctx, `SELECT position - $1 FROM projection WHERE live = 1`, next.position).Scan(&behind)
		if err != nil || behind > 0 {
			return err
		}
		// The same compare-and-set as every batch: the generation is ours.
		if err := moveCheckpoint(ctx, tx, next, next.position); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE projection SET live = CASE WHEN generation = $1 THEN 1 ELSE 0 END`, next.generation)
		swapped = err == nil
		return err
	})
	if errors.Is(err, errOvertaken) {
		return false, ErrRebuildOvertaken
	}
	if err != nil {
		return false, fmt.Errorf("swapping the read model: %w", err)
	}
	return swapped, nil
}

// dropHidden removes every generation that readers do not see.
func (p *Projector) dropHidden(ctx context.Context) error {
	hidden, err := p.hidden(ctx)
	if err != nil {
		return err
	}
	for _, generation := range hidden {
		if err := p.drop(ctx, generation); err != nil {
			return fmt.Errorf("removing generation %d of the read model: %w", generation, err)
		}
	}
	return nil
}

func (p *Projector) hidden(ctx context.Context) (generations []int64, err error) {
	rows, err := p.db.Reader().QueryContext(ctx, `SELECT generation FROM projection WHERE live = 0`)
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

// abandoned is the checkpoint that no projector has, so that none writes into a
// generation that is being removed.
const abandoned = -1

// dropChunk is about how many rows one transaction removes, so that commands do
// not wait long for it.
const dropChunk = 1000

func (p *Projector) drop(ctx context.Context, generation int64) error {
	err := p.exec(ctx, `UPDATE projection SET position = $2 WHERE generation = $1 AND live = 0`, generation, abandoned)
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
		if err := p.deleteInChunks(ctx, statement, generation); err != nil {
			return err
		}
	}
	return p.exec(ctx, `DELETE FROM projection WHERE generation = $1 AND live = 0`, generation)
}

func (p *Projector) deleteInChunks(ctx context.Context, statement string, generation int64) error {
	for {
		var deleted int64
		err := p.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
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

func (p *Projector) exec(ctx context.Context, statement string, args ...any) error {
	return p.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	})
}
