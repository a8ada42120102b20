package eventstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"orderflow/internal/sqlstore"
)

// Store is the event table of one database. It is safe for concurrent use.
type Store struct {
	db *sqlstore.DB
}

// New returns the store in an opened database, which holds its tables.
func New(db *sqlstore.DB) *Store { return &Store{db: db} }

// InTx runs fn in one transaction in which events are appended, with all
// other effects of the same decision. See sqlstore.DB.InTx.
//
// Transactions of this kind run one after the other. On SQLite that is so
// anyway. On PostgreSQL the table of the head is locked before the
// transaction takes its snapshot: without this, every append that had to wait
// for another would fail to serialize and start over.
func (s *Store) InTx(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	return s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if s.db.Dialect() == sqlstore.Postgres {
			if _, err := tx.ExecContext(ctx, `LOCK TABLE event_head IN EXCLUSIVE MODE`); err != nil {
				return fmt.Errorf("locking the head of events: %w", err)
			}
		}
		return fn(ctx, tx)
	})
}

// Append adds the events to the end of a stream whose last version is
// expected; 0 is a stream without events. It returns the stream's version
// after it. All events get the time now, or that of the event before them if
// now is earlier.
//
// Errors: ErrConflict when the stream is at another version, else the
// database's own. After any error the caller rolls tx back.
func (s *Store) Append(ctx context.Context, tx *sql.Tx, stream Stream, expected int64, now time.Time, events ...Event) (int64, error) {
	if len(events) == 0 {
		return expected, nil
	}
	var position, occurredAt int64
	err := tx.QueryRowContext(ctx, `
		UPDATE event_head
		SET position = position + $1, occurred_at = CASE WHEN occurred_at < $2 THEN $2 ELSE occurred_at END
		WHERE id = 1
		RETURNING position, occurred_at`,
		len(events), now.UnixMicro()).Scan(&position, &occurredAt)
	if err != nil {
		return 0, fmt.Errorf("taking positions for %s: %w", stream, err)
	}
	position -= int64(len(events))
	version := expected
	for _, event := range events {
		position++
		version++
		if err := insert(ctx, tx, Recorded{Event: event, Stream: stream, Position: position, Version: version}, occurredAt); err != nil {
			return 0, err
		}
	}
	return version, s.announce(ctx, tx)
}

// insert relies on the database alone for the expected version: the unique
// index refuses a version that exists, the condition one that would leave a
// hole.
func insert(ctx context.Context, tx *sql.Tx, event Recorded, occurredAt int64) error {
	metadata, err := event.Metadata.encode()
	if err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx, `
		INSERT INTO event (position, event_id, aggregate_type, aggregate_id, version,
		                   event_type, schema_version, payload, metadata, occurred_at)
		SELECT CAST($1 AS BIGINT), $2, $3, $4, CAST($5 AS BIGINT), $6, CAST($7 AS BIGINT), $8, $9, CAST($10 AS BIGINT)
		WHERE $5 = 1 OR EXISTS (
			SELECT 1 FROM event WHERE aggregate_type = $3 AND aggregate_id = $4 AND version = $5 - 1)
		ON CONFLICT (aggregate_type, aggregate_id, version) DO NOTHING`,
		event.Position, event.ID, event.Stream.Type, event.Stream.ID, event.Version,
		event.Type, event.SchemaVersion, string(event.Payload), metadata, occurredAt)
	if err != nil {
		return fmt.Errorf("appending to %s: %w", event.Stream, err)
	}
	inserted, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("appending to %s: %w", event.Stream, err)
	}
	if inserted == 0 {
		return fmt.Errorf("appending version %d to %s: %w", event.Version, event.Stream, ErrConflict)
	}
	return nil
}
