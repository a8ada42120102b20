package eventstore_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/order/internal/eventstore"
	"orderflow/services/order/internal/migrations"
)

// noon is the time of events whose time does not matter.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// The contract of the store, on each database.
func TestEventStore(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, s *fixture){
		"what was appended is loaded unchanged":                       loadsWhatWasAppended,
		"an unknown stream is empty":                                  unknownStreamIsEmpty,
		"an append that has not seen the last version is refused":     staleAppendIsRefused,
		"an append that would leave a hole is refused":                holeIsRefused,
		"a refused append leaves nothing behind":                      refusedAppendLeavesNothing,
		"an event ID is used once":                                    eventIDIsUnique,
		"loading after a version starts behind it":                    loadsAfterVersion,
		"loading as of a time ends with it":                           loadsAsOfTime,
		"times never fall when the clock goes backwards":              timesNeverFall,
		"reading all follows the global order across streams":         readsAllInOrder,
		"streams of different types do not meet":                      typesAreApart,
		"of 50 appends to one version exactly one wins":               oneOfFiftyWins,
		"appends that meet wait for each other and do not start over": meetingAppendsRunOnce,
		"positions have no holes and none becomes visible late":       positionsAreDense,
		"a stream with a missing version is a hole":                   missingVersionIsAHole,
		"a missing position is a hole, after the events before it":    missingPositionIsAHole,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sqlstoretest.Each(t, migrations.Schemas(), func(t *testing.T, db *sqlstore.DB) {
				test(t, &fixture{t: t, db: db, Store: eventstore.New(db)})
			})
		})
	}
}

type fixture struct {
	*eventstore.Store
	t    *testing.T
	db   *sqlstore.DB
	made int
}

func (f *fixture) event(kind string) eventstore.Event {
	f.made++
	return eventstore.Event{
		ID: fmt.Sprintf("event-%d", f.made),
		Data: eventstore.Data{
			Type: kind, SchemaVersion: 2, Payload: json.RawMessage(fmt.Sprintf(`{"n":%d,"text":"é 😀"}`, f.made)),
		},
		Metadata: eventstore.Metadata{TraceID: "4bf92f3577b34da6a3ce929d0e0e4736", Causation: "create-order/1"},
	}
}

func (f *fixture) append(stream eventstore.Stream, expected int64, at time.Time, events ...eventstore.Event) error {
	return appendTo(f.t.Context(), f.Store, stream, expected, at, events...)
}

func appendTo(ctx context.Context, store *eventstore.Store, stream eventstore.Stream, expected int64, at time.Time, events ...eventstore.Event) error {
	return store.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		version, err := store.Append(ctx, tx, stream, expected, at, events...)
		if err == nil && version != expected+int64(len(events)) {
			return fmt.Errorf("version %d after %d events on %d", version, len(events), expected)
		}
		return err
	})
}

func (f *fixture) load(stream eventstore.Stream) []eventstore.Recorded {
	events, err := f.Load(f.t.Context(), f.Reader(), stream)
	require.NoError(f.t, err)
	return events
}

func (f *fixture) all() []eventstore.Recorded {
	events, err := f.ReadAll(f.t.Context(), f.Reader(), 0, 10_000)
	require.NoError(f.t, err)
	return events
}

func orderStream(id string) eventstore.Stream { return eventstore.Stream{Type: "Order", ID: id} }

func loadsWhatWasAppended(t *testing.T, s *fixture) {
	created, confirmed := s.event("OrderCreated"), s.event("OrderConfirmed")
	at := noon.Add(123456789 * time.Nanosecond)
	require.NoError(t, s.append(orderStream("a"), 0, at, created, confirmed))

	stored := at.Truncate(time.Microsecond)
	assert.Equal(t, []eventstore.Recorded{
		{Event: created, Stream: orderStream("a"), Position: 1, Version: 1, OccurredAt: stored},
		{Event: confirmed, Stream: orderStream("a"), Position: 2, Version: 2, OccurredAt: stored},
	}, s.load(orderStream("a")))
	version, err := s.Version(t.Context(), s.Reader(), orderStream("a"))
	require.NoError(t, err)
	assert.EqualValues(t, 2, version)
}

func unknownStreamIsEmpty(t *testing.T, s *fixture) {
	assert.Empty(t, s.load(orderStream("nobody")))
	version, err := s.Version(t.Context(), s.Reader(), orderStream("nobody"))
	require.NoError(t, err)
	assert.Zero(t, version)
}

func staleAppendIsRefused(t *testing.T, s *fixture) {
	require.NoError(t, s.append(orderStream("a"), 0, noon, s.event("OrderCreated")))
	require.ErrorIs(t, s.append(orderStream("a"), 0, noon, s.event("OrderCreated")), eventstore.ErrConflict)
}

func holeIsRefused(t *testing.T, s *fixture) {
	require.ErrorIs(t, s.append(orderStream("a"), 1, noon, s.event("OrderConfirmed")), eventstore.ErrConflict)
}

func refusedAppendLeavesNothing(t *testing.T, s *fixture) {
	first := s.event("OrderCreated")
	require.NoError(t, s.append(orderStream("a"), 0, noon, first))
	// The second event of the append does not fit: the first must go too.
	require.Error(t, s.append(orderStream("b"), 0, noon, s.event("OrderCreated"), first))
	require.ErrorIs(t, s.append(orderStream("a"), 0, noon, s.event("OrderCreated")), eventstore.ErrConflict)
	require.NoError(t, s.append(orderStream("c"), 0, noon, s.event("OrderCreated")))

	assert.Empty(t, s.load(orderStream("b")))
	assert.Len(t, s.all(), 2)
	head, err := s.Head(t.Context(), s.Reader())
	require.NoError(t, err)
	assert.EqualValues(t, 2, head)
}

func eventIDIsUnique(t *testing.T, s *fixture) {
	event := s.event("OrderCreated")
	require.NoError(t, s.append(orderStream("a"), 0, noon, event))
	err := s.append(orderStream("b"), 0, noon, event)
	require.Error(t, err)
	require.NotErrorIs(t, err, eventstore.ErrConflict)
}

func loadsAfterVersion(t *testing.T, s *fixture) {
	require.NoError(t, s.append(orderStream("a"), 0, noon, s.event("1"), s.event("2"), s.event("3")))
	for after, want := range map[int64][]string{0: {"1", "2", "3"}, 2: {"3"}, 3: nil} {
		events, err := s.LoadAfter(t.Context(), s.Reader(), orderStream("a"), after)
		require.NoError(t, err)
		assert.Equal(t, want, types(events), "after version %d", after)
	}
}

func loadsAsOfTime(t *testing.T, s *fixture) {
	require.NoError(t, s.append(orderStream("a"), 0, noon, s.event("1")))
	require.NoError(t, s.append(orderStream("a"), 1, noon.Add(time.Minute), s.event("2")))
	for at, want := range map[time.Time][]string{
		noon.Add(-time.Microsecond):              nil,
		noon:                                     {"1"},
		noon.Add(time.Minute - time.Microsecond): {"1"},
		noon.Add(time.Minute):                    {"1", "2"},
		noon.AddDate(7000, 0, 0):                 {"1", "2"},
		{}:                                       nil,
	} {
		events, err := s.LoadAsOf(t.Context(), s.Reader(), orderStream("a"), at)
		require.NoError(t, err)
		assert.Equal(t, want, types(events), "as of %s", at)
	}
}

func timesNeverFall(t *testing.T, s *fixture) {
	require.NoError(t, s.append(orderStream("a"), 0, noon, s.event("1")))
	require.NoError(t, s.append(orderStream("a"), 1, noon.Add(-time.Hour), s.event("2")))
	require.NoError(t, s.append(orderStream("b"), 0, noon.Add(-time.Hour), s.event("3")))
	require.NoError(t, s.append(orderStream("b"), 1, noon.Add(time.Second), s.event("4")))
	var times []time.Time
	for _, event := range s.all() {
		times = append(times, event.OccurredAt)
	}
	assert.Equal(t, []time.Time{noon, noon, noon, noon.Add(time.Second)}, times)
}

func readsAllInOrder(t *testing.T, s *fixture) {
	require.NoError(t, s.append(orderStream("a"), 0, noon, s.event("a1")))
	require.NoError(t, s.append(orderStream("b"), 0, noon, s.event("b1"), s.event("b2")))
	require.NoError(t, s.append(orderStream("a"), 1, noon, s.event("a2")))
	for _, page := range []struct {
		after int64
		limit int
		want  []string
	}{
		{0, 10, []string{"a1", "b1", "b2", "a2"}},
		{1, 2, []string{"b1", "b2"}},
		{4, 2, nil},
	} {
		events, err := s.ReadAll(t.Context(), s.Reader(), page.after, page.limit)
		require.NoError(t, err)
		assert.Equal(t, page.want, types(events), "after %d", page.after)
	}
}

func typesAreApart(t *testing.T, s *fixture) {
	require.NoError(t, s.append(orderStream("a"), 0, noon, s.event("1")))
	require.NoError(t, s.append(eventstore.Stream{Type: "Basket", ID: "a"}, 0, noon, s.event("2")))
	assert.Equal(t, []string{"1"}, types(s.load(orderStream("a"))))
}

func oneOfFiftyWins(t *testing.T, s *fixture) {
	const racers, rounds = 50, 4
	for round := range int64(rounds) {
		var racing errgroup.Group
		results := make(chan error, racers)
		for racer := range racers {
			event := s.event(fmt.Sprintf("racer %d", racer))
			racing.Go(func() error {
				results <- appendTo(t.Context(), s.Store, orderStream("a"), round, noon, event)
				return nil
			})
		}
		require.NoError(t, racing.Wait())
		close(results)
		won := 0
		for err := range results {
			if err == nil {
				won++
				continue
			}
			require.ErrorIs(t, err, eventstore.ErrConflict)
		}
		assert.Equal(t, 1, won, "round %d", round)
		assert.Len(t, s.load(orderStream("a")), int(round)+1)
	}
}

// PostgreSQL lets go of a transaction's locks an instant before it counts it as
// committed, so that now and then one of them starts over nevertheless. Without
// the lock most of them do, several times.
func meetingAppendsRunOnce(t *testing.T, s *fixture) {
	const writers = 30
	var runs atomic.Int64
	var running errgroup.Group
	for writer := range writers {
		event, stream := s.event("e"), orderStream(fmt.Sprintf("writer-%d", writer))
		running.Go(func() error {
			return s.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				runs.Add(1)
				if _, err := s.Load(ctx, tx, stream); err != nil {
					return err
				}
				_, err := s.Append(ctx, tx, stream, 0, noon, event)
				return err
			})
		})
	}
	require.NoError(t, running.Wait())
	assert.LessOrEqual(t, runs.Load(), int64(writers+writers/3))
}

// A reader follows the head while many write, some of whom roll back, and must
// see 1, 2, 3 … in this order.
func positionsAreDense(t *testing.T, s *fixture) {
	const writers, appends = 8, 25
	errRolledBack := errors.New("rolled back")
	var running errgroup.Group
	for writer := range writers {
		var events []eventstore.Event
		for range 2 * appends {
			events = append(events, s.event("e"))
		}
		stream := orderStream(fmt.Sprintf("writer-%d", writer))
		running.Go(func() error {
			for i := range appends {
				err := s.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
					_, err := s.Append(ctx, tx, stream, int64(i), noon, events[2*i])
					return err
				})
				if err != nil {
					return err
				}
				err = s.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
					if _, err := s.Append(ctx, tx, stream, int64(i)+1, noon, events[2*i+1]); err != nil {
						return err
					}
					return errRolledBack
				})
				if !errors.Is(err, errRolledBack) {
					return err
				}
			}
			return nil
		})
	}
	running.Go(func() error {
		for seen := int64(0); seen < writers*appends; {
			events, err := s.ReadAll(t.Context(), s.Reader(), seen, 7)
			if err != nil {
				return err
			}
			seen += int64(len(events))
		}
		return nil
	})
	require.NoError(t, running.Wait())
	assert.Len(t, s.all(), writers*appends)
}

func missingVersionIsAHole(t *testing.T, s *fixture) {
	require.NoError(t, s.append(orderStream("a"), 0, noon, s.event("1"), s.event("2"), s.event("3")))
	s.remove("version = 2")
	_, err := s.Load(t.Context(), s.Reader(), orderStream("a"))
	require.ErrorIs(t, err, eventstore.ErrHole)
}

func missingPositionIsAHole(t *testing.T, s *fixture) {
	require.NoError(t, s.append(orderStream("a"), 0, noon, s.event("1"), s.event("2"), s.event("3")))
	s.remove("position = 2")
	events, err := s.ReadAll(t.Context(), s.Reader(), 0, 10)
	require.ErrorIs(t, err, eventstore.ErrHole)
	assert.Equal(t, []string{"1"}, types(events))
}

// remove damages the store as only an operator's hand can.
func (f *fixture) remove(condition string) { f.edit("DELETE FROM event WHERE " + condition) }

func (f *fixture) edit(statement string) {
	require.NoError(f.t, f.db.InTx(f.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement)
		return err
	}))
}

func types(events []eventstore.Recorded) (names []string) {
	for _, event := range events {
		names = append(names, event.Type)
	}
	return names
}
