package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"orderflow/internal/faults/failpoint"
)

// With every connection after the same row, one wins each round. The waits
// spread the others: 10 attempts were seen to run out, 30 last about 2 s.
const (
	raceAttempts   = 30
	raceBackoff    = 2 * time.Millisecond
	maxRaceBackoff = 64 * raceBackoff
)

// duplicateAttempts is how often a row may turn out to be there already. Once
// is enough for the winner of a race to become visible.
const duplicateAttempts = 3

// InTx runs fn in one serializable transaction and commits it when fn returns
// nil. fn may run more than once (PostgreSQL aborts the loser of a race), so
// it must do nothing but use tx and set variables that it sets every time.
// It must not call InTx again: on SQLite that would wait for itself.
//
// An error of fn comes back unwrapped, so that a business refusal stays
// itself; the transaction is rolled back. Faults of the database are ErrFull,
// ErrLocked or ErrUnavailable, or wrap only the database's own error; nothing
// was written. After ErrOutcomeUnknown all was written or nothing. In each
// case the caller retries the whole action, and the fence makes that
// harmless.
func (db *DB) InTx(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	return db.inTx(ctx, synced, fn)
}

// InTxAsyncCommit is InTx for what can be made again from the database itself.
// The commit does not wait for the disk: it is seen by everybody at once and
// survives the end of the process, but a power cut, on PostgreSQL also a crash of
// the server, may take it back, with everything after it and nothing before it.
// It lasts from the next commit of InTx that writes something, on PostgreSQL
// from the log writer's next round, on SQLite from the next checkpoint.
//
// So nothing that it did may be carried in memory into a later transaction: the
// process may outlive the server. See InTxInterim for that.
//
// PostgreSQL calls this asynchronous commit; in SQLite it is synchronous=NORMAL
// of the write-ahead log.
func (db *DB) InTxAsyncCommit(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	return db.inTx(ctx, unsynced, fn)
}

// InTxInterim is InTx for a step that this process carries on with, and that is
// answered for only after a later InTx of the same database. Where the database
// lives and dies with the machine, as SQLite does, the commit does not wait for
// the disk: what takes it back takes the process, too. On PostgreSQL it is InTx.
func (db *DB) InTxInterim(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	if db.dsn.dialect == Postgres {
		return db.InTx(ctx, fn)
	}
	return db.InTxAsyncCommit(ctx, fn)
}

func (db *DB) inTx(ctx context.Context, commit durability, fn func(ctx context.Context, tx *sql.Tx) error) error {
	duplicates := 0
	for attempt := 1; ; attempt++ {
		err := db.try(ctx, commit, fn)
		if err == nil {
			db.log.limit(ctx, db.writer) // with the one writer free again
			return nil
		}
		if isDuplicate(err) {
			duplicates++
		}
		again := lostRace(err) || isDuplicate(err) && duplicates < duplicateAttempts
		if !again || attempt == raceAttempts {
			return err
		}
		select {
		case <-time.After(backoff(attempt, rand.Int64N)):
		case <-ctx.Done():
			return err
		}
	}
}

func (db *DB) try(ctx context.Context, commit durability, fn func(ctx context.Context, tx *sql.Tx) error) error {
	tx, err := db.begin(ctx, commit)
	if err != nil {
		return fmt.Errorf("beginning a transaction: %w", withFault(err))
	}
	// After Commit this is a no-op; after an error or a panic of fn it
	// frees the only writer.
	defer func() { _ = tx.Rollback() }()
	if err := fn(ctx, tx); err != nil {
		return withFault(err)
	}
	failpoint.BeforeCommit(ctx)
	if err := tx.Commit(); err != nil {
		if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
			// database/sql has rolled back because the caller went away.
			return fmt.Errorf("committing: %w", ctx.Err())
		}
		if !outcomeKnown(ctx, err) {
			return fmt.Errorf("committing: %w: %w", ErrOutcomeUnknown, withFault(err))
		}
		return fmt.Errorf("committing: %w", withFault(err))
	}
	return nil
}

func (db *DB) begin(ctx context.Context, commit durability) (*sql.Tx, error) {
	if db.dsn.dialect == SQLite {
		// The connection begins IMMEDIATE, which is serializable.
		return db.writer.BeginTx(withDurability(ctx, commit), nil)
	}
	tx, err := db.writer.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
	if err != nil || commit == synced {
		return tx, err
	}
	if _, err := tx.ExecContext(ctx, `SET LOCAL synchronous_commit TO off`); err != nil {
		_ = tx.Rollback()
		return nil, err
	}
	return tx, nil
}

// backoff is a random time below a bound that doubles with each attempt, up to
// maxRaceBackoff ("full jitter": Brooker, Exponential Backoff and Jitter,
// 2015).
func backoff(attempt int, random func(n int64) int64) time.Duration {
	bound := maxRaceBackoff
	if attempt < 6 {
		bound = raceBackoff << attempt
	}
	return time.Duration(random(int64(bound)))
}

// lostRace reports serialization failures and deadlocks: the database has
// undone everything and asks for the transaction to be run again.
func lostRace(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// isDuplicate reports a row that must be unique and was there already. In
// PostgreSQL this too may be a lost race: of two transactions that insert the
// same row without looking first, the later one gets this, whatever it was
// told before. Run again, it sees the row.
func isDuplicate(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505"
}
