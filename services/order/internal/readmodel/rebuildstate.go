package readmodel

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"orderflow/services/order"
)

// Request asks for a rebuild, unless one is asked for or under way, and tells
// how far the read model is. In any case this process works at it.
func (r *Rebuilder) Request(ctx context.Context) (order.Projection, error) {
	err := r.exec(ctx, `
		INSERT INTO rebuild (id, state, generation, started_at, ended_at, error) VALUES (1, 'requested', 0, $1, 0, '')
		ON CONFLICT (id) DO UPDATE SET state = 'requested', started_at = excluded.started_at, ended_at = 0, error = ''
		WHERE rebuild.state IN ('done', 'failed')`, r.now().UnixMicro())
	if err != nil {
		return order.Projection{}, fmt.Errorf("asking for a rebuild of the read model: %w", err)
	}
	select {
	case r.wake <- struct{}{}:
	default: // it is awake already
	}
	return r.Projection(ctx)
}

// Projection tells how far the read model is, all figures of one moment.
func (r *Rebuilder) Projection(ctx context.Context) (order.Projection, error) {
	var found order.Projection
	var state, failure sql.NullString
	var position, started, ended sql.NullInt64
	err := r.projector.db.Reader().QueryRowContext(ctx, `
		SELECT live.generation, live.position, event_head.position,
		       rebuild.state, next.position, rebuild.started_at, rebuild.ended_at, rebuild.error
		FROM projection AS live
		CROSS JOIN event_head
		LEFT JOIN rebuild ON rebuild.id = 1
		LEFT JOIN projection AS next ON next.generation = rebuild.generation AND rebuild.state = 'running'
		WHERE live.live = 1`).
		Scan(&found.Generation, &found.Position, &found.Head, &state, &position, &started, &ended, &failure)
	if err != nil {
		return order.Projection{}, fmt.Errorf("reading how far the read model is: %w", err)
	}
	found.Lag = found.Head - found.Position
	if state.Valid {
		found.Rebuild = &order.Rebuild{
			State: order.RebuildState(state.String), Position: position.Int64,
			StartedAt: time.UnixMicro(started.Int64).UTC(), Error: failure.String,
		}
		if ended.Int64 != 0 {
			found.Rebuild.EndedAt = time.UnixMicro(ended.Int64).UTC()
		}
	}
	return found, nil
}

var errNothingToRebuild = errors.New("no rebuild is asked for or under way")

// begin returns where to go on: at the beginning of a new generation when a
// rebuild is asked for, or at the checkpoint of the one under way.
func (r *Rebuilder) begin(ctx context.Context) (next checkpoint, err error) {
	err = r.projector.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		next = checkpoint{}
		err := tx.QueryRowContext(ctx, `
			UPDATE rebuild SET state = 'running', generation = (
				SELECT MAX(generation) + 1 FROM (SELECT generation FROM projection UNION SELECT generation FROM rebuild) AS given)
			WHERE state = 'requested'
			RETURNING generation`).Scan(&next.generation)
		if errors.Is(err, sql.ErrNoRows) {
			return tx.QueryRowContext(ctx, `
				SELECT projection.generation, projection.position
				FROM rebuild JOIN projection ON projection.generation = rebuild.generation
				WHERE rebuild.state = 'running'`).Scan(&next.generation, &next.position)
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO projection (generation, live, position) VALUES ($1, 0, 0)`, next.generation)
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return checkpoint{}, errNothingToRebuild
	}
	if err != nil {
		return checkpoint{}, fmt.Errorf("beginning a rebuild: %w", err)
	}
	return next, nil
}

// underWay returns where the rebuild is that has not ended, if there is one.
func (r *Rebuilder) underWay(ctx context.Context) (at checkpoint, found bool, err error) {
	err = r.projector.db.Reader().QueryRowContext(ctx, `
		SELECT rebuild.generation, COALESCE(projection.position, 0)
		FROM rebuild LEFT JOIN projection ON projection.generation = rebuild.generation AND projection.live = 0
		WHERE rebuild.state IN ('requested', 'running')`).Scan(&at.generation, &at.position)
	if errors.Is(err, sql.ErrNoRows) {
		return checkpoint{}, false, nil
	}
	return at, err == nil, err
}

// fail ends a rebuild that cannot go on.
func (r *Rebuilder) fail(ctx context.Context, at checkpoint, why error) error {
	return r.projector.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error { return r.end(ctx, tx, at, why) })
}

// end records how a rebuild ended; why is nil when it is done. errOvertaken when
// it has ended already.
func (r *Rebuilder) end(ctx context.Context, tx *sql.Tx, at checkpoint, why error) error {
	state, reason := order.RebuildDone, ""
	if why != nil {
		state, reason = order.RebuildFailed, why.Error()
	}
	result, err := tx.ExecContext(ctx, `
		UPDATE rebuild SET state = $2, ended_at = $3, error = $4 WHERE generation = $1 AND state = 'running'`,
		at.generation, string(state), r.now().UnixMicro(), reason)
	if err != nil {
		return fmt.Errorf("recording the end of a rebuild: %w", err)
	}
	recorded, err := result.RowsAffected()
	if err == nil && recorded == 0 {
		err = errOvertaken
	}
	return err
}
