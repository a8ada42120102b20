package command_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
	"orderflow/services/order/internal/eventcodec"
	"orderflow/services/order/internal/eventstore"
	"orderflow/services/order/internal/migrations"
)

// eachSnapshotting runs a test on each database with a snapshot after every
// second event.
func eachSnapshotting(t *testing.T, test func(t *testing.T, s *service, db *sqlstore.DB)) {
	t.Parallel()
	sqlstoretest.Each(t, migrations.Schemas(), func(t *testing.T, db *sqlstore.DB) {
		test(t, newServiceWith(t, db, 2), db)
	})
}

func edit(t *testing.T, db *sqlstore.DB, statement string, args ...any) {
	t.Helper()
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return err
	}))
}

func snapshotVersion(t *testing.T, db *sqlstore.DB) (version int64) {
	t.Helper()
	require.NoError(t, db.Reader().QueryRowContext(t.Context(), `SELECT COALESCE(MAX(version), 0) FROM snapshot`).Scan(&version))
	return version
}

func TestASnapshotIsTakenWhenTheStreamHasGrownLongEnough(t *testing.T) {
	eachSnapshotting(t, func(t *testing.T, s *service, db *sqlstore.DB) {
		for _, step := range []struct {
			run  func(context.Context) (order.Acknowledgement, error)
			want int64
		}{{s.creates, 0}, {s.confirms, 2}, {s.confirms, 2}, {s.ships, 2}} {
			s.given(step.run)
			assert.Equal(t, step.want, snapshotVersion(t, db))
		}
	})
}

func TestOrdersWithOrdinaryLivesGetNoSnapshot(t *testing.T) {
	sqlstoretest.Each(t, migrations.Schemas(), func(t *testing.T, db *sqlstore.DB) {
		s := newService(t, db)
		s.given(s.creates, s.confirms, s.ships)
		assert.Zero(t, snapshotVersion(t, db))
	})
}

// The events that the snapshot holds are made unreadable: only who loads from
// the snapshot can go on.
func TestAnOrderIsLoadedFromItsSnapshot(t *testing.T) {
	eachSnapshotting(t, func(t *testing.T, s *service, db *sqlstore.DB) {
		s.given(s.creates, s.confirms)
		edit(t, db, `UPDATE event SET payload = '{' WHERE version = 1`)
		got, err := s.ships(t.Context())
		require.NoError(t, err)
		assert.Equal(t, acknowledged(order.Shipped, 3), got)
	})
}

// Every order that commands can make is the same with and without snapshots.
func TestSnapshotAndTailEqualTheWholeStream(t *testing.T) {
	eachSnapshotting(t, func(t *testing.T, s *service, db *sqlstore.DB) {
		for _, commands := range [][]func(context.Context) (order.Acknowledgement, error){
			{s.creates, s.confirms, s.ships}, {s.creates, s.cancels}, {s.creates, s.confirms, s.cancels}, {s.cancels},
			{s.creates, s.intervenes(1), s.confirms, s.intervenes(2), s.ships, s.intervenes(3)},
			{s.cancels, s.intervenes(1), s.intervenes(2)},
		} {
			edit(t, db, `DELETE FROM event`)
			edit(t, db, `DELETE FROM snapshot`)
			edit(t, db, `DELETE FROM fence`)
			edit(t, db, `UPDATE event_head SET position = 0`)
			for _, run := range commands {
				s.given(run)
				s.requireSnapshotEqualsStream()
			}
			assert.NotZero(t, snapshotVersion(t, db))
		}
	})
}

func (s *service) requireSnapshotEqualsStream() {
	stream := eventstore.Stream{Type: domain.AggregateType, ID: "order-1"}
	snapshot, tail, err := s.events.LoadFromSnapshot(s.t.Context(), s.events.Reader(), stream, eventcodec.StateSchema)
	require.NoError(s.t, err)
	var fromSnapshot domain.Order
	if snapshot.Version > 0 {
		fromSnapshot, err = eventcodec.DecodeState(snapshot)
		require.NoError(s.t, err)
	}
	fromSnapshot = s.evolved(fromSnapshot, tail)
	assert.Equal(s.t, s.evolved(domain.Order{}, s.recorded()), fromSnapshot)
}

func (s *service) evolved(current domain.Order, recorded []eventstore.Recorded) domain.Order {
	for _, stored := range recorded {
		event, err := eventcodec.New().Decode(stored.Data)
		require.NoError(s.t, err)
		current, err = current.Evolve(event)
		require.NoError(s.t, err)
	}
	return current
}

func TestASnapshotThatCannotBeUsedIsPassedOverAndReplaced(t *testing.T) {
	for name, damage := range map[string]string{
		"no JSON":                      `UPDATE snapshot SET state = '{'`,
		"null":                         `UPDATE snapshot SET state = 'null'`,
		"a status that is unknown":     `UPDATE snapshot SET state = '{"status":"lost","version":2}'`,
		"another version than it says": `UPDATE snapshot SET state = '{"status":"shipped","version":3}'`,
		"an impossible version":        `UPDATE snapshot SET state = '{"status":"shipped","version":2}'`,
		"an older schema":              `UPDATE snapshot SET schema_version = 0`,
		"a newer schema":               `UPDATE snapshot SET schema_version = 99`,
		"ahead of the stream":          `UPDATE snapshot SET version = 7, state = '{"status":"shipped","version":7}'`,
	} {
		t.Run(name, func(t *testing.T) {
			eachSnapshotting(t, func(t *testing.T, s *service, db *sqlstore.DB) {
				s.given(s.creates, s.confirms)
				edit(t, db, damage)
				got, err := s.ships(t.Context())
				require.NoError(t, err)
				assert.Equal(t, acknowledged(order.Shipped, 3), got)
				assert.EqualValues(t, 3, snapshotVersion(t, db), "made again, though it was not due")
				s.requireSnapshotEqualsStream()
			})
		})
	}
}

// What stands in the store and cannot be true stops the command, and nothing of
// it remains. It goes on when the store is repaired.
func TestAStreamThatCannotBeReadStopsTheCommand(t *testing.T) {
	for name, test := range map[string]struct {
		damage, repair string
		want           error
	}{
		"an unknown type":        {`UPDATE event SET event_type = 'OrderLost' WHERE version = 2`, `UPDATE event SET event_type = 'OrderConfirmed' WHERE version = 2`, eventcodec.ErrUnknownEvent},
		"a newer schema version": {`UPDATE event SET schema_version = 9 WHERE version = 2`, `UPDATE event SET schema_version = 1 WHERE version = 2`, eventcodec.ErrUnknownEvent},
		"a corrupt payload":      {`UPDATE event SET payload = '[' WHERE version = 2`, `UPDATE event SET payload = '{"confirmedAt":"2026-03-01T12:00:00Z"}' WHERE version = 2`, eventcodec.ErrCorruptPayload},
		"a missing version":      {`UPDATE event SET version = 1000 WHERE version = 2`, `UPDATE event SET version = 2 WHERE version = 1000`, eventstore.ErrHole},
		"an impossible sequence": {`UPDATE event SET event_type = 'OrderShipped' WHERE version = 2`, `UPDATE event SET event_type = 'OrderConfirmed' WHERE version = 2`, domain.ErrHistory},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sqlstoretest.Each(t, migrations.Schemas(), func(t *testing.T, db *sqlstore.DB) {
				s := newService(t, db)
				s.given(s.creates, s.confirms)
				edit(t, db, test.damage)
				for range 2 {
					_, err := s.ships(t.Context())
					require.ErrorIs(t, err, test.want)
					assert.Equal(t, problem.Internal, problem.CodeOf(err), "the caller may try again")
				}
				edit(t, db, test.repair)
				got, err := s.ships(t.Context())
				require.NoError(t, err)
				assert.Equal(t, acknowledged(order.Shipped, 3), got)
				assert.Len(t, s.stream(), 3)
			})
		})
	}
}

func TestAClockThatGoesBackwardsDoesNotTurnHistoryAround(t *testing.T) {
	t.Parallel()
	sqlstoretest.Each(t, migrations.Schemas(), func(t *testing.T, db *sqlstore.DB) {
		s := newService(t, db)
		s.given(s.creates)
		s.now = noon.Add(-time.Hour)
		s.given(s.confirms)
		s.now = noon.Add(time.Minute)
		s.given(s.ships)
		var times []string
		for _, event := range s.recorded() {
			times = append(times, fmt.Sprint(event.OccurredAt.Sub(noon)))
		}
		assert.Equal(t, []string{"0s", "0s", "1m0s"}, times)
	})
}
