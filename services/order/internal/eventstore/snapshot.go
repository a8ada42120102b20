package eventstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"orderflow/internal/sqlstore"
)

// Snapshot is the state of an aggregate after one of its events. It is a
// shortcut and never the truth: one that cannot be used is as good as none.
type Snapshot struct {
	// Version is that of the last event in the state; 0 is no snapshot.
	Version int64
	// SchemaVersion is the version of the state's shape, from 1. A snapshot of
	// another version than the reader's is not read; there are no upcasters.
	SchemaVersion int
	// State is a JSON value.
	State json.RawMessage
}

// LoadFromSnapshot returns the stream's snapshot of that schema version, and
// the events after it, oldest first. Where there is none, or one that is ahead
// of the stream, it returns the zero Snapshot and all events. A stream with
// missing versions is ErrHole.
//
// For a stream without a snapshot it is one statement, as Load is.
func (s *Store) LoadFromSnapshot(ctx context.Context, q sqlstore.Queryer, stream Stream, schemaVersion int) (Snapshot, []Recorded, error) {
	// The snapshot's own event is loaded too: it proves that the stream has
	// come as far as the snapshot.
	events, err := query(ctx, q, selectEvent+`
		WHERE aggregate_type = $1 AND aggregate_id = $2 AND version >= COALESCE((
			SELECT version FROM snapshot WHERE aggregate_type = $1 AND aggregate_id = $2 AND schema_version = $3), 1)
		ORDER BY version`, stream.Type, stream.ID, schemaVersion)
	if err != nil {
		return Snapshot{}, nil, fmt.Errorf("loading %s: %w", stream, err)
	}
	if len(events) > 0 && events[0].Version == 1 {
		return Snapshot{}, events, checkSequence(stream, events, 1)
	}
	snapshot, err := s.snapshot(ctx, q, stream, schemaVersion)
	if err != nil {
		return Snapshot{}, nil, err
	}
	if len(events) == 0 || snapshot.Version == 0 {
		events, err = s.Load(ctx, q, stream)
		return Snapshot{}, events, err
	}
	if err := checkSequence(stream, events, snapshot.Version); err != nil {
		return Snapshot{}, nil, err
	}
	return snapshot, events[1:], nil
}

// snapshot returns the zero Snapshot when there is none.
func (s *Store) snapshot(ctx context.Context, q sqlstore.Queryer, stream Stream, schemaVersion int) (Snapshot, error) {
	rows, err := q.QueryContext(ctx, `
		SELECT version, schema_version, state FROM snapshot
		WHERE aggregate_type = $1 AND aggregate_id = $2 AND schema_version = $3`, stream.Type, stream.ID, schemaVersion)
	if err != nil {
		return Snapshot{}, fmt.Errorf("loading the snapshot of %s: %w", stream, err)
	}
	defer func() { _ = rows.Close() }()
	var snapshot Snapshot
	for rows.Next() {
		var state string
		if err := rows.Scan(&snapshot.Version, &snapshot.SchemaVersion, &state); err != nil {
			return Snapshot{}, fmt.Errorf("loading the snapshot of %s: %w", stream, err)
		}
		snapshot.State = json.RawMessage(state)
	}
	if err := rows.Err(); err != nil {
		return Snapshot{}, fmt.Errorf("loading the snapshot of %s: %w", stream, err)
	}
	return snapshot, nil
}

// SaveSnapshot keeps the snapshot in place of the stream's last one. It belongs
// in the transaction that appended the event of its version.
func (s *Store) SaveSnapshot(ctx context.Context, tx *sql.Tx, stream Stream, snapshot Snapshot) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO snapshot (aggregate_type, aggregate_id, version, schema_version, state)
		VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE SET
			version = excluded.version, schema_version = excluded.schema_version, state = excluded.state`,
		stream.Type, stream.ID, snapshot.Version, snapshot.SchemaVersion, string(snapshot.State))
	if err != nil {
		return fmt.Errorf("saving the snapshot of %s: %w", stream, err)
	}
	return nil
}
