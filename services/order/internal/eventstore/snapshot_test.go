package eventstore_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/order/internal/eventstore"
	"orderflow/services/order/internal/migrations"
)

const schema = 3

func (f *fixture) snapshots(stream eventstore.Stream, version int64, state string) {
	require.NoError(f.t, f.InTx(f.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		return f.SaveSnapshot(ctx, tx, stream, eventstore.Snapshot{Version: version, SchemaVersion: schema, State: json.RawMessage(state)})
	}))
}

// Whatever the snapshot, it and the events after it are the whole stream.
func TestSnapshots(t *testing.T) {
	for name, test := range map[string]struct {
		damage      func(s *fixture)
		fromVersion int64
		events      []string
	}{
		"without a snapshot all events are loaded":           {func(*fixture) {}, 0, []string{"1", "2", "3", "4"}},
		"a snapshot is followed by its tail":                 {func(s *fixture) { s.snapshots(orderStream("a"), 2, `"two"`) }, 2, []string{"3", "4"}},
		"a snapshot of the last event has no tail":           {func(s *fixture) { s.snapshots(orderStream("a"), 4, `"four"`) }, 4, nil},
		"a snapshot of the first event is no use":            {func(s *fixture) { s.snapshots(orderStream("a"), 1, `"one"`) }, 0, []string{"1", "2", "3", "4"}},
		"a snapshot ahead of the stream is passed over":      {func(s *fixture) { s.snapshots(orderStream("a"), 9, `"nine"`) }, 0, []string{"1", "2", "3", "4"}},
		"a snapshot of another stream is not taken":          {func(s *fixture) { s.snapshots(orderStream("b"), 2, `"two"`) }, 0, []string{"1", "2", "3", "4"}},
		"a later snapshot takes the place of an earlier one": {func(s *fixture) { s.snapshots(orderStream("a"), 2, `2`); s.snapshots(orderStream("a"), 3, `3`) }, 3, []string{"4"}},
		"a snapshot of another schema version is passed over": {func(s *fixture) {
			s.snapshots(orderStream("a"), 2, `2`)
			s.edit("UPDATE snapshot SET schema_version = 2")
		}, 0, []string{"1", "2", "3", "4"}},
		"events that a snapshot already holds may be anything": {func(s *fixture) { s.snapshots(orderStream("a"), 3, `3`); s.remove("version = 1") }, 3, []string{"4"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sqlstoretest.Each(t, migrations.Schemas(), func(t *testing.T, db *sqlstore.DB) {
				s := &fixture{t: t, db: db, Store: eventstore.New(db)}
				require.NoError(t, s.append(orderStream("a"), 0, noon, s.event("1"), s.event("2"), s.event("3"), s.event("4")))
				test.damage(s)
				snapshot, tail, err := s.LoadFromSnapshot(t.Context(), s.Reader(), orderStream("a"), schema)
				require.NoError(t, err)
				assert.Equal(t, test.fromVersion, snapshot.Version)
				assert.Equal(t, test.events, types(tail))
			})
		})
	}
}

func TestAHoleBehindASnapshotIsFound(t *testing.T) {
	sqlstoretest.Each(t, migrations.Schemas(), func(t *testing.T, db *sqlstore.DB) {
		s := &fixture{t: t, db: db, Store: eventstore.New(db)}
		require.NoError(t, s.append(orderStream("a"), 0, noon, s.event("1"), s.event("2"), s.event("3"), s.event("4")))
		s.snapshots(orderStream("a"), 2, `2`)
		s.remove("version = 3")
		_, _, err := s.LoadFromSnapshot(t.Context(), s.Reader(), orderStream("a"), schema)
		require.ErrorIs(t, err, eventstore.ErrHole)
	})
}
