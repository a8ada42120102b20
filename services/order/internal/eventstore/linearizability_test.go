package eventstore_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/order/internal/eventstore"
	"orderflow/services/order/internal/migrations"
)

// call is one call of a client: an append that expects a version, or, with
// read, a question for the version.
type call struct {
	stream   string
	read     bool
	expected int64
}

// result is what it answered: whether the append was accepted, or the version.
type result struct {
	accepted bool
	version  int64
}

// versions is what one stream looks like to its clients, who see one thing
// happen after the other: its version, which an accepted append raises by one.
// Refused appends change nothing and are left out; unjustified looks at them.
var versions = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byStream := make(map[string][]porcupine.Operation)
		for _, operation := range history {
			stream := operation.Input.(call).stream
			byStream[stream] = append(byStream[stream], operation)
		}
		var parts [][]porcupine.Operation
		for _, part := range byStream {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return int64(0) },
	Step: func(state, input, output any) (bool, any) {
		version, made, got := state.(int64), input.(call), output.(result)
		switch {
		case made.read:
			return got.version == version, version
		default:
			return got.accepted && made.expected == version, version + 1
		}
	},
	Equal: func(a, b any) bool { return a == b },
	DescribeOperation: func(input, output any) string {
		return fmt.Sprintf("%+v -> %+v", input, output)
	},
}

// 50 clients race to append to three streams, and the history of their calls is
// one that clients who take turns could have had.
func TestAppendWithExpectedVersionIsLinearizable(t *testing.T) {
	calls := 40
	if testing.Short() {
		calls = 10
	}
	sqlstoretest.Each(t, migrations.Schemas(), func(t *testing.T, db *sqlstore.DB) {
		s := &fixture{t: t, db: db, Store: eventstore.New(db)}
		history := race(t, s, 50, calls, []string{"a", "b", "c"})
		effective := slices.DeleteFunc(slices.Clone(history), refused)
		assert.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(versions, effective, time.Minute))
		assert.Empty(t, unjustified(history))
		appends := slices.DeleteFunc(effective, func(o porcupine.Operation) bool { return o.Input.(call).read })
		assert.Len(t, s.all(), len(appends), "each accepted append is there once")
		assert.Greater(t, len(appends), 50, "the race has winners")
	})
}

// race lets clients call for a while, each with a guess at the version that is
// mostly what it last saw.
func race(t *testing.T, s *fixture, clients, calls int, streams []string) []porcupine.Operation {
	start := time.Now()
	var mu sync.Mutex
	var history []porcupine.Operation
	var racing errgroup.Group
	for client := range clients {
		random := rand.New(rand.NewPCG(uint64(client), 7))
		events := make([]eventstore.Event, calls)
		for i := range events {
			events[i] = s.event(fmt.Sprintf("client %d", client))
		}
		racing.Go(func() error {
			seen := make(map[string]int64)
			for i := range calls {
				made := call{stream: streams[random.IntN(len(streams))], read: random.IntN(3) == 0}
				made.expected = max(0, seen[made.stream]-int64(random.IntN(8)/7))
				called := time.Since(start)
				got, err := perform(t, s, made, events[i])
				returned := time.Since(start)
				if err != nil {
					return err
				}
				seen[made.stream] = got.version
				mu.Lock()
				history = append(history, porcupine.Operation{
					ClientId: client, Input: made, Output: got, Call: int64(called), Return: int64(returned),
				})
				mu.Unlock()
			}
			return nil
		})
	}
	require.NoError(t, racing.Wait())
	return history
}

// perform makes the call. After a refused append the client guesses a higher
// version next.
func perform(t *testing.T, s *fixture, made call, event eventstore.Event) (result, error) {
	if made.read {
		version, err := s.Version(t.Context(), s.Reader(), orderStream(made.stream))
		return result{version: version}, err
	}
	err := appendTo(t.Context(), s.Store, orderStream(made.stream), made.expected, noon, event)
	if err != nil && !errors.Is(err, eventstore.ErrConflict) {
		return result{}, err
	}
	return result{accepted: err == nil, version: made.expected + 1}, nil
}

func refused(operation porcupine.Operation) bool {
	return !operation.Input.(call).read && !operation.Output.(result).accepted
}

// unjustified returns the refused appends that had seen the right version for as
// long as they ran: the version was made before they began, and the next one
// was not begun when they ended.
func unjustified(history []porcupine.Operation) (wrong []porcupine.Operation) {
	type version struct {
		stream string
		number int64
	}
	made := make(map[version]porcupine.Operation)
	for _, operation := range history {
		if input := operation.Input.(call); !input.read && !refused(operation) {
			made[version{input.stream, input.expected + 1}] = operation
		}
	}
	for _, operation := range slices.DeleteFunc(slices.Clone(history), func(o porcupine.Operation) bool { return !refused(o) }) {
		input := operation.Input.(call)
		seen, exists := made[version{input.stream, input.expected}]
		next, overtaken := made[version{input.stream, input.expected + 1}]
		stood := input.expected == 0 || exists && seen.Return < operation.Call
		if stood && (!overtaken || next.Call > operation.Return) {
			wrong = append(wrong, operation)
		}
	}
	return wrong
}

// The checks themselves can fail.
func TestTheLinearizabilityCheckFindsLostAndDoubledAppends(t *testing.T) {
	first := porcupine.Operation{Input: call{stream: "a"}, Output: result{accepted: true, version: 1}, Call: 0, Return: 10}
	twice := porcupine.Operation{ClientId: 1, Input: call{stream: "a"}, Output: result{accepted: true, version: 1}, Call: 5, Return: 15}
	lost := porcupine.Operation{ClientId: 1, Input: call{stream: "a", read: true}, Output: result{}, Call: 11, Return: 15}
	wronged := porcupine.Operation{ClientId: 1, Input: call{stream: "a", expected: 1}, Output: result{}, Call: 11, Return: 15}
	late := porcupine.Operation{ClientId: 1, Input: call{stream: "a"}, Output: result{}, Call: 5, Return: 15}
	assert.False(t, porcupine.CheckOperations(versions, []porcupine.Operation{first, twice}), "two winners of one version")
	assert.False(t, porcupine.CheckOperations(versions, []porcupine.Operation{first, lost}), "an append that a later reader does not see")
	assert.Len(t, unjustified([]porcupine.Operation{first, wronged}), 1, "a refusal of the right version")
	assert.Empty(t, unjustified([]porcupine.Operation{first, late}))
}
