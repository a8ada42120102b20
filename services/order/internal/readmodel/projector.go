package readmodel

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"

	"orderflow/internal/sqlstore"
	"orderflow/services/order/internal/eventcodec"
	"orderflow/services/order/internal/eventstore"
)

// PoisonError reports an event that cannot be projected. The rows stand as they
// were before it. Nothing passes it until its cause is gone: a newer program
// that knows the event, or a repaired store.
type PoisonError struct {
	// Position is where the event stands, or should stand.
	Position int64
	// Err says what is wrong with it.
	Err error
}

// Error names the position and the reason.
func (e *PoisonError) Error() string {
	return fmt.Sprintf("event at position %d cannot be projected: %v", e.Position, e.Err)
}

// Unwrap returns the reason.
func (e *PoisonError) Unwrap() error { return e.Err }

// errOvertaken reports that another projector has moved the checkpoint, or that
// the generation is gone. The work of the batch is thrown away.
var errOvertaken = errors.New("another projector was faster")

// Projector brings the read model up to the events. It is safe for concurrent
// use, and several may work on one database.
type Projector struct {
	db       *sqlstore.DB
	events   *eventstore.Store
	codec    *eventcodec.Codec
	watchers *Watchers
	batch    int
	// seen is the position to which the live rows were projected when this
	// process last looked.
	seen atomic.Int64
	// beforeCommit is called in each transaction after its last write. Tests
	// crash the projector there.
	beforeCommit func() error
}

// DefaultBatch is how many events one transaction projects at most.
const DefaultBatch = 500

// NewProjector returns a projector that tells the watchers which orders have
// changed.
func NewProjector(db *sqlstore.DB, events *eventstore.Store, codec *eventcodec.Codec, watchers *Watchers) *Projector {
	return &Projector{
		db: db, events: events, codec: codec, watchers: watchers,
		batch: DefaultBatch, beforeCommit: func() error { return nil },
	}
}

// checkpoint is how far a generation has come.
type checkpoint struct {
	generation int64
	position   int64
}

// RunOnce projects one batch into the live generation. It returns whether there
// may be more to do at once. Its error is a *PoisonError, after the events
// before it have been projected, or the database's own; both may pass.
func (p *Projector) RunOnce(ctx context.Context) (more bool, err error) {
	live, err := p.live(ctx)
	if err != nil {
		return false, err
	}
	if p.seen.Swap(live.position) < live.position {
		p.watchers.notifyAll() // another process was here
	}
	count, err := p.advance(ctx, live)
	p.seen.CompareAndSwap(live.position, live.position+int64(count))
	if errors.Is(err, errOvertaken) {
		return true, nil
	}
	return count == p.batch, err
}

// Lag returns how many events the live generation is behind the store.
func (p *Projector) Lag(ctx context.Context) (int64, error) {
	live, err := p.live(ctx)
	if err != nil {
		return 0, err
	}
	head, err := p.events.Head(ctx, p.db.Reader())
	return head - live.position, err
}

func (p *Projector) live(ctx context.Context) (checkpoint, error) {
	var live checkpoint
	err := p.db.Reader().QueryRowContext(ctx, `SELECT generation, position FROM projection WHERE live = 1`).
		Scan(&live.generation, &live.position)
	if err != nil {
		return checkpoint{}, fmt.Errorf("reading the projector's checkpoint: %w", err)
	}
	return live, nil
}

// advance projects the events after a checkpoint, at most one batch, and
// returns how many. Everything is read and folded before the transaction
// begins, so that writers wait for the writes alone: if the checkpoint still
// stands where it did, nothing that was read can have changed.
func (p *Projector) advance(ctx context.Context, from checkpoint) (int, error) {
	events, poison := p.events.ReadAll(ctx, p.db.Reader(), from.position, p.batch)
	if errors.Is(poison, eventstore.ErrHole) {
		poison = &PoisonError{Position: from.position + int64(len(events)) + 1, Err: poison}
	} else if poison != nil {
		return 0, poison
	}
	loaded, err := loadRows(ctx, p.db.Reader(), from.generation, unseen(events))
	if err != nil {
		return 0, err
	}
	folded := newBatch(from.position, loaded)
	for _, event := range events {
		if err := folded.add(p.codec, event); err != nil {
			poison = &PoisonError{Position: event.Position, Err: err}
			break
		}
	}
	orders, err := loadOrderCounts(ctx, p.db.Reader(), from.generation, folded.unnumbered())
	if err != nil {
		return 0, err
	}
	folded.number(orders)
	if poison != nil {
		if err := p.checkUnmoved(ctx, from); err != nil {
			return 0, err
		}
	}
	if err := p.save(ctx, from, folded); err != nil {
		return 0, err
	}
	return int(folded.position - from.position), poison
}

// checkUnmoved returns errOvertaken when the checkpoint has moved. What looks like
// poison may be rows that another projector has changed, or that were removed
// with their generation, between two reads.
func (p *Projector) checkUnmoved(ctx context.Context, from checkpoint) error {
	var stands bool
	err := p.db.Reader().QueryRowContext(ctx,
		`SELECT COUNT(*) = 1 FROM projection WHERE generation = $1 AND position = $2`,
		from.generation, from.position).Scan(&stands)
	if err != nil {
		return fmt.Errorf("reading the projector's checkpoint: %w", err)
	}
	if !stands {
		return errOvertaken
	}
	return nil
}

func (p *Projector) save(ctx context.Context, from checkpoint, folded *batch) error {
	if folded.position == from.position {
		return nil
	}
	// Rows and checkpoint go together, and can be made again from the events,
	// which are older: nobody has to wait for the disk.
	err := p.db.InTxAsyncCommit(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := moveCheckpoint(ctx, tx, from, folded.position); err != nil {
			return err
		}
		if err := folded.write(ctx, tx, from.generation); err != nil {
			return err
		}
		return p.beforeCommit()
	})
	if err != nil {
		return err
	}
	p.watchers.notify(folded.changed())
	return nil
}

// moveCheckpoint is the compare-and-set on which idempotence rests.
func moveCheckpoint(ctx context.Context, tx *sql.Tx, from checkpoint, to int64) error {
	result, err := tx.ExecContext(ctx, `UPDATE projection SET position = $3 WHERE generation = $1 AND position = $2`,
		from.generation, from.position, to)
	if err != nil {
		return fmt.Errorf("moving the projector's checkpoint: %w", err)
	}
	moved, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("moving the projector's checkpoint: %w", err)
	}
	if moved == 0 {
		return errOvertaken
	}
	return nil
}
