package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// With every connection after the same row, one wins each round. The waits
// spread the others: 10 attempts were seen to run out, 30 last about 2 s.
const (
	raceAttempts = 30
	raceBackoff  = 2 * time.Millisecond
)

// InTx runs fn in one serializable transaction and commits it when fn returns
// nil. fn may run more than once (PostgreSQL aborts the loser of a race), so
// it must do nothing but use tx and set variables that it sets every time.
// It must not call InTx again: on SQLite that would wait for itself.
//
// An error of fn comes back unwrapped, so that a business refusal stays
// itself; the transaction is rolled back. Any other error means that the
// outcome is unknown at worst: the caller retries the whole action, and the
// fence makes that harmless.
func (db *DB) InTx(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := db.try(ctx, fn)
		if err == nil || !lostRace(err) || attempt == raceAttempts {
			return err
		}
		backoff := time.Duration(rand.Int64N(int64(raceBackoff) << min(attempt, 6)))
		select {
		case <-time.After(backoff):
		case <-ctx.Done():
			return err
		}
	}
}

func (db *DB) try(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	var options *sql.TxOptions // SQLite: the driver begins IMMEDIATE, which is serializable
	if db.dialect == Postgres {
		options = &sql.TxOptions{Isolation: sql.LevelSerializable}
	}
	tx, err := db.writer.BeginTx(ctx, options)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", err)
	}
	// After Commit this is a no-op; after an error or a panic of fn it
	// frees the only writer.
	defer func() { _ = tx.Rollback() }()
	if err := fn(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// lostRace reports serialization failures and deadlocks: the database has
// undone everything and asks for the transaction to be run again.
func lostRace(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}
