package fence_test

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/internal/fence"
	"orderflow/internal/problem"
)

// entry is what the model knows of one key: the rules of the package comment,
// in memory, without a database.
type entry struct {
	state  fence.State
	body   body
	number string
	// standing says that the effect has happened and is not undone.
	standing bool
}

// admit is the model of Begin: the code of the refusal, "" for none.
func (e *entry) admit(request body) problem.Code {
	switch {
	case e.state == fence.Compensated:
		return problem.AlreadyCompensated
	case e.state != fence.Unknown && e.body != request:
		return problem.KeyReused
	default:
		return ""
	}
}

// Any order of calls, with any repetition, does what the model does.
func TestFenceAgreesWithItsModel(t *testing.T) {
	each(t, func(t *testing.T, s service) {
		var runs atomic.Int64
		rapid.Check(t, func(t *rapid.T) { checkAgainstModel(t, s, fmt.Sprintf("run-%d", runs.Add(1))) })
	})
}

func checkAgainstModel(t *rapid.T, s service, orderID string) {
	ctx := t.Context()
	model := map[fence.Key]*entry{}
	drawKey := func(t *rapid.T) (fence.Key, *entry) {
		key := fence.Key{
			OrderID:  orderID,
			Step:     rapid.SampledFrom([]string{"reserve", "charge"}).Draw(t, "step"),
			Revision: rapid.IntRange(1, 2).Draw(t, "revision"),
		}
		if model[key] == nil {
			model[key] = &entry{state: fence.Unknown}
		}
		return key, model[key]
	}
	drawBody := func(t *rapid.T) body { return body{rapid.IntRange(1, 2).Draw(t, "quantity")} }
	calls := 0
	nextNumber := func() string { calls++; return fmt.Sprintf("number-%d", calls) }

	t.Repeat(map[string]func(*rapid.T){
		"act": func(t *rapid.T) {
			key, want := drawKey(t)
			request, number := drawBody(t), nextNumber()
			given, err := s.act(ctx, key, request, number, nil)
			if refusal := want.admit(request); refusal != "" {
				require.Equal(t, refusal, problem.CodeOf(err))
				return
			}
			require.NoError(t, err)
			if want.state != fence.Confirmed {
				*want = entry{state: fence.Confirmed, body: request, number: number, standing: true}
			}
			require.Equal(t, answer{want.number}, given)
		},
		"act, refused by its effect": func(t *rapid.T) {
			key, want := drawKey(t)
			request := drawBody(t)
			_, err := s.act(ctx, key, request, nextNumber(), errRefused)
			switch refusal := want.admit(request); {
			case refusal != "":
				require.Equal(t, refusal, problem.CodeOf(err))
			case want.state == fence.Confirmed:
				require.NoError(t, err, "the effect does not run again")
			default:
				require.ErrorIs(t, err, errRefused)
			}
		},
		"begin": func(t *rapid.T) {
			key, want := drawKey(t)
			request := drawBody(t)
			seen, err := s.begin(ctx, key, request)
			if refusal := want.admit(request); refusal != "" {
				require.Equal(t, refusal, problem.CodeOf(err))
				return
			}
			require.NoError(t, err)
			requireSeen(t, *want, seen)
			if want.state == fence.Unknown {
				*want = entry{state: fence.Tried, body: request}
			}
		},
		"confirm": func(t *rapid.T) {
			key, want := drawKey(t)
			number := nextNumber()
			err := s.confirm(ctx, key, number)
			switch want.state {
			case fence.Tried:
				require.NoError(t, err)
				want.state, want.number, want.standing = fence.Confirmed, number, true
			case fence.Confirmed:
				require.Equal(t, problem.InFlight, problem.CodeOf(err))
			case fence.Compensated:
				require.Equal(t, problem.AlreadyCompensated, problem.CodeOf(err))
			default:
				require.Equal(t, problem.Internal, problem.CodeOf(err))
			}
		},
		"compensate": func(t *rapid.T) {
			key, want := drawKey(t)
			seen, err := s.compensate(ctx, key)
			require.NoError(t, err)
			requireSeen(t, *want, seen)
			want.state, want.standing = fence.Compensated, false
		},
		"": func(t *rapid.T) {
			for key, want := range model {
				var standing []string
				if want.standing {
					standing = []string{want.number}
				}
				require.Equal(t, standing, s.numbers(ctx, t, key), "effects of %s", key)
			}
		},
	})
}

func requireSeen(t *rapid.T, want entry, seen fence.Seen) {
	t.Helper()
	require.Equal(t, want.state, seen.State)
	if want.number == "" {
		require.Empty(t, seen.Answer)
		return
	}
	var given answer
	require.NoError(t, json.Unmarshal(seen.Answer, &given))
	require.Equal(t, answer{want.number}, given)
}
