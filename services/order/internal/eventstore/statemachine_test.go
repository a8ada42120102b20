package eventstore_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/order/internal/eventstore"
	"orderflow/services/order/internal/migrations"
)

// model is the store as a list: every event in the global order.
type model struct {
	events []eventstore.Recorded
}

func (m model) stream(stream eventstore.Stream) (events []eventstore.Recorded) {
	for _, event := range m.events {
		if event.Stream == stream {
			events = append(events, event)
		}
	}
	return events
}

// Whatever is appended and asked for, in any order and with any clock, the store
// answers as the list does.
func TestTheStoreFollowsTheModelForEverySequenceOfCalls(t *testing.T) {
	sqlstoretest.Each(t, migrations.Schemas(), func(t *testing.T, db *sqlstore.DB) {
		s := &fixture{t: t, db: db, Store: eventstore.New(db)}
		var known model // the store's tables outlive a run, and so does the model
		runs := 0
		rapid.Check(t, func(rt *rapid.T) {
			runs++
			streams := []eventstore.Stream{
				orderStream(fmt.Sprintf("a-%d", runs)), orderStream(fmt.Sprintf("b-%d", runs)), {Type: "Basket", ID: fmt.Sprintf("a-%d", runs)},
			}
			first := int64(len(known.events))
			rt.Repeat(map[string]func(*rapid.T){
				"append": func(rt *rapid.T) { appendsAsTheModel(rt, s, &known, rapid.SampledFrom(streams).Draw(rt, "stream")) },
				"load after a version": func(rt *rapid.T) {
					stream, after := rapid.SampledFrom(streams).Draw(rt, "stream"), rapid.Int64Range(0, 9).Draw(rt, "after")
					got, err := s.LoadAfter(t.Context(), s.Reader(), stream, after)
					require.NoError(rt, err)
					want := known.stream(stream)
					requireSame(rt, want[min(int(after), len(want)):], got)
				},
				"load as of a time": func(rt *rapid.T) {
					stream, at := rapid.SampledFrom(streams).Draw(rt, "stream"), drawTime(rt)
					got, err := s.LoadAsOf(t.Context(), s.Reader(), stream, at)
					require.NoError(rt, err)
					want := known.stream(stream)
					requireSame(rt, slices.DeleteFunc(want, func(e eventstore.Recorded) bool { return e.OccurredAt.After(at) }), got)
				},
				"read all": func(rt *rapid.T) {
					after, limit := first+rapid.Int64Range(0, 20).Draw(rt, "after"), rapid.IntRange(1, 20).Draw(rt, "limit")
					got, err := s.ReadAll(t.Context(), s.Reader(), after, limit)
					require.NoError(rt, err)
					want := known.events[min(int(after), len(known.events)):]
					requireSame(rt, want[:min(limit, len(want))], got)
				},
				"": func(rt *rapid.T) {
					head, err := s.Head(t.Context(), s.Reader())
					require.NoError(rt, err)
					require.EqualValues(rt, len(known.events), head)
				},
			})
		})
	})
}

// appendsAsTheModel appends one to three events at a time that may lie in the
// past, expecting the right version or one beside it.
func appendsAsTheModel(rt *rapid.T, s *fixture, known *model, stream eventstore.Stream) {
	version := int64(len(known.stream(stream)))
	expected := max(0, version+rapid.SampledFrom([]int64{0, 0, 0, -1, 1}).Draw(rt, "beside"))
	at := drawTime(rt)
	events := make([]eventstore.Event, rapid.IntRange(1, 3).Draw(rt, "events"))
	for i := range events {
		events[i] = s.event("e")
	}
	err := appendTo(s.t.Context(), s.Store, stream, expected, at, events...)
	if expected != version {
		require.ErrorIs(rt, err, eventstore.ErrConflict)
		return
	}
	require.NoError(rt, err)
	if last := len(known.events); last > 0 && known.events[last-1].OccurredAt.After(at) {
		at = known.events[last-1].OccurredAt
	}
	for _, event := range events {
		version++
		known.events = append(known.events, eventstore.Recorded{
			Event: event, Stream: stream, Position: int64(len(known.events)) + 1, Version: version, OccurredAt: at,
		})
	}
}

func drawTime(rt *rapid.T) time.Time {
	return noon.Add(time.Duration(rapid.Int64Range(-5, 100).Draw(rt, "minute")) * time.Minute)
}

func requireSame(rt *rapid.T, want, got []eventstore.Recorded) {
	require.Len(rt, got, len(want))
	for i := range want {
		require.Equal(rt, want[i], got[i])
	}
}
