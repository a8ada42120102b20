package readmodel

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// Rebuilder projects all events again into a new generation, and lets readers
// see it once it has come as far as the live one. Reads, commands and the
// projector go on meanwhile. What an earlier rebuild left behind is removed
// first, what this one replaces at the end.
//
// There is one rebuild at a time. It stands in the database, so that it outlives
// the process: another one, or the same after its restart, goes on where it was.
// Two that work at the same rebuild do no harm: the checkpoint moves by
// compare-and-set, and who loses leaves the rest to the other.
//
// Make one for each process, and Run it.
type Rebuilder struct {
	projector *Projector
	now       func() time.Time
	log       *zap.Logger
	wake      chan struct{}
	// patience is how long a rebuild may stand still before this process takes
	// it over.
	patience time.Duration
}

const defaultPatience = 10 * time.Second

// NewRebuilder returns a rebuilder for the projector's database.
func NewRebuilder(projector *Projector, now func() time.Time, log *zap.Logger) *Rebuilder {
	return &Rebuilder{projector: projector, now: now, log: log, wake: make(chan struct{}, 1), patience: defaultPatience}
}

// errTakenOver reports that another process works at the rebuild.
var errTakenOver = errors.New("another process has taken the rebuild over")

// Run works at rebuilds until ctx ends, then returns nil: at those that are
// asked for here, and at those that another process began and left.
func (r *Rebuilder) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		err := r.rebuild(ctx)
		var poison *PoisonError
		switch {
		case err == nil || ctx.Err() != nil:
		case errors.Is(err, errTakenOver):
			r.log.Info("another process goes on with the rebuild of the read model")
		case errors.As(err, &poison):
			r.log.Error("rebuild of the read model failed", zap.Int64("position", poison.Position), zap.Error(poison.Err))
		default:
			r.log.Warn("rebuild of the read model is interrupted", zap.Error(err))
		}
		r.rest(ctx)
	}
	return nil
}

// rest waits until a rebuild is asked for here, or until one stands still.
func (r *Rebuilder) rest(ctx context.Context) {
	var last checkpoint
	for {
		timer := time.NewTimer(r.patience)
		select {
		case <-timer.C:
		case <-r.wake:
			timer.Stop()
			return
		case <-ctx.Done():
			timer.Stop()
			return
		}
		at, underWay, err := r.underWay(ctx)
		if err == nil && underWay && at == last {
			return
		}
		last = at
	}
}

// rebuild takes the rebuild that there is, if any, to its end. Its error is a
// *PoisonError, errTakenOver, or the database's own; the live generation is
// untouched then, and after the latter two the rebuild goes on later.
func (r *Rebuilder) rebuild(ctx context.Context) error {
	if err := r.dropAbandoned(ctx); err != nil {
		return err
	}
	next, err := r.begin(ctx)
	if errors.Is(err, errNothingToRebuild) {
		return nil
	}
	if err != nil {
		return err
	}
	r.log.Info("rebuilding the read model", zap.Int64("generation", next.generation), zap.Int64("position", next.position))
	err = r.fill(ctx, next)
	if err == nil {
		r.log.Info("the read model is rebuilt", zap.Int64("generation", next.generation))
	}
	return errors.Join(err, r.dropAbandoned(ctx))
}

// fill projects into a generation from its checkpoint on, until readers see it.
func (r *Rebuilder) fill(ctx context.Context, next checkpoint) error {
	for {
		count, err := r.projector.advance(ctx, next)
		var poison *PoisonError
		switch {
		case errors.Is(err, errOvertaken):
			return errTakenOver
		case errors.As(err, &poison):
			return errors.Join(poison, r.fail(ctx, next, poison))
		case err != nil:
			return fmt.Errorf("rebuilding the read model: %w", err)
		}
		next.position += int64(count)
		if count == r.projector.batch {
			continue
		}
		swapped, err := r.swap(ctx, next)
		if err != nil || swapped {
			return err
		}
	}
}

// swap makes a generation the live one, unless it is behind the live one: readers
// must not see time go backwards for it.
func (r *Rebuilder) swap(ctx context.Context, next checkpoint) (swapped bool, err error) {
	err = r.projector.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
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
		if err != nil {
			return err
		}
		swapped = true
		return r.end(ctx, tx, next, nil)
	})
	if errors.Is(err, errOvertaken) {
		return false, errTakenOver
	}
	if err != nil {
		return false, fmt.Errorf("swapping the read model: %w", err)
	}
	return swapped, nil
}
