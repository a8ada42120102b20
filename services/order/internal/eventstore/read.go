package eventstore

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"orderflow/internal/sqlstore"
)

const selectEvent = `
	SELECT position, event_id, aggregate_type, aggregate_id, version,
	       event_type, schema_version, payload, metadata, occurred_at
	FROM event `

// Load returns the stream's events, oldest first; none when it does not exist.
// Q is the transaction of a command, or Reader. A stream with missing versions
// is ErrHole.
func (s *Store) Load(ctx context.Context, q sqlstore.Queryer, stream Stream) ([]Recorded, error) {
	return s.LoadAfter(ctx, q, stream, 0)
}

// LoadAfter returns the stream's events with a version above the given one,
// oldest first, or ErrHole.
func (s *Store) LoadAfter(ctx context.Context, q sqlstore.Queryer, stream Stream, version int64) ([]Recorded, error) {
	return loadStream(ctx, q, stream, version, math.MaxInt64)
}

// LoadAsOf returns the stream's events up to and including a moment, oldest
// first, or ErrHole.
func (s *Store) LoadAsOf(ctx context.Context, q sqlstore.Queryer, stream Stream, at time.Time) ([]Recorded, error) {
	return loadStream(ctx, q, stream, 0, at.UnixMicro())
}

func loadStream(ctx context.Context, q sqlstore.Queryer, stream Stream, after, until int64) ([]Recorded, error) {
	events, err := query(ctx, q, selectEvent+`
		WHERE aggregate_type = $1 AND aggregate_id = $2 AND version > $3 AND occurred_at <= $4
		ORDER BY version`, stream.Type, stream.ID, after, until)
	if err != nil {
		return nil, fmt.Errorf("loading %s: %w", stream, err)
	}
	if err := checkSequence(stream, events, after+1); err != nil {
		return nil, err
	}
	return events, nil
}

// checkSequence returns ErrHole unless the versions of the events follow each
// other from first on.
func checkSequence(stream Stream, events []Recorded, first int64) error {
	for i, event := range events {
		if want := first + int64(i); event.Version != want {
			return fmt.Errorf("loading %s: version %d: %w", stream, want, ErrHole)
		}
	}
	return nil
}

// ReadAll returns at most limit events of all streams with a position above
// the given one, in the global order. When it misses a position it returns the
// events before it together with ErrHole.
func (s *Store) ReadAll(ctx context.Context, q sqlstore.Queryer, after int64, limit int) ([]Recorded, error) {
	events, err := query(ctx, q, selectEvent+`WHERE position > $1 ORDER BY position LIMIT $2`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("reading events after position %d: %w", after, err)
	}
	for i, event := range events {
		if want := after + 1 + int64(i); event.Position != want {
			return events[:i], fmt.Errorf("reading events: position %d: %w", want, ErrHole)
		}
	}
	return events, nil
}

// Version returns the stream's last version, 0 when it does not exist.
func (s *Store) Version(ctx context.Context, q sqlstore.Queryer, stream Stream) (int64, error) {
	var version int64
	err := q.QueryRowContext(ctx, `
		SELECT COALESCE(MAX(version), 0) FROM event WHERE aggregate_type = $1 AND aggregate_id = $2`,
		stream.Type, stream.ID).Scan(&version)
	if err != nil {
		return 0, fmt.Errorf("reading the version of %s: %w", stream, err)
	}
	return version, nil
}

// Head returns the position of the last event, 0 when there is none.
func (s *Store) Head(ctx context.Context, q sqlstore.Queryer) (int64, error) {
	var position int64
	if err := q.QueryRowContext(ctx, `SELECT position FROM event_head WHERE id = 1`).Scan(&position); err != nil {
		return 0, fmt.Errorf("reading the head of events: %w", err)
	}
	return position, nil
}

// Reader is for reads outside a command's transaction.
func (s *Store) Reader() sqlstore.Queryer { return s.db.Reader() }

func query(ctx context.Context, q sqlstore.Queryer, text string, args ...any) (events []Recorded, err error) {
	rows, err := q.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var event Recorded
		var payload, metadata string
		var occurredAt int64
		err := rows.Scan(&event.Position, &event.ID, &event.Stream.Type, &event.Stream.ID, &event.Version,
			&event.Type, &event.SchemaVersion, &payload, &metadata, &occurredAt)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(metadata), &event.Metadata); err != nil {
			return nil, fmt.Errorf("metadata of event %s: %w", event.ID, err)
		}
		event.Payload = json.RawMessage(payload)
		event.OccurredAt = time.UnixMicro(occurredAt).UTC()
		events = append(events, event)
	}
	return events, rows.Err()
}
