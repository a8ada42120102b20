package outside_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/fence"
	"orderflow/internal/fence/outside"
	"orderflow/internal/fence/outside/outsidetest"
	"orderflow/internal/problem"
)

func TestAnEffectHappensOnceAndIsAnsweredAgain(t *testing.T) {
	each(t, func(t *testing.T, s ringers) {
		first := s.start()
		answer, err := first.ring(t.Context(), keyOf("order-1"))
		require.NoError(t, err)
		require.Equal(t, "ring 1", answer)
		require.Equal(t, []outsidetest.Point{beforeRing, afterRing}, first.wire.Calls)

		other := s.start()
		answer, err = other.ring(t.Context(), keyOf("order-1"))
		require.NoError(t, err)
		require.Equal(t, "ring 1", answer)
		require.Empty(t, other.wire.Calls, "the fence has the answer")
	})
}

// Each row breaks an effect at one point, as a crash there would.
func TestABrokenEffectGoesOnFromWhatTheProviderKnows(t *testing.T) {
	for at, calls := range map[outsidetest.Point][]outsidetest.Point{
		beforeRing: {beforeLookup, beforeRing, afterRing},
		afterRing:  {beforeLookup},
	} {
		t.Run(string(at), func(t *testing.T) {
			each(t, func(t *testing.T, s ringers) {
				broken := s.start()
				broken.wire.At = outsidetest.FailOnce(at)
				_, err := broken.ring(t.Context(), keyOf("order-1"))
				require.ErrorIs(t, err, outsidetest.ErrBroken)
				require.Equal(t, fence.Tried, outsidetest.FenceState(t, s.db, keyOf("order-1")))

				unlucky := s.start()
				unlucky.wire.At = outsidetest.FailOnce(beforeLookup)
				_, err = unlucky.ring(t.Context(), keyOf("order-1"))
				require.ErrorIs(t, err, outsidetest.ErrBroken)
				require.Len(t, unlucky.wire.Calls, 1, "nothing is sent while it is not known what was")

				next := s.start()
				answer, err := next.ring(t.Context(), keyOf("order-1"))
				require.NoError(t, err)
				require.Equal(t, "ring 1", answer)
				require.Equal(t, calls, next.wire.Calls)
			})
		})
	}
}

// The other process has closed the key, but crashed before it could mute the
// bell: this one has to.
func TestAnEffectThatIsUndoneMeanwhileIsUndoneBeforeItIsRefused(t *testing.T) {
	each(t, func(t *testing.T, s ringers) {
		p, other := s.start(), s.start()
		other.wire.At = outsidetest.FailOnce(beforeMute)
		p.wire.At = func(here outsidetest.Point) error {
			switch here {
			case afterRing:
				require.ErrorIs(t, other.undo(t.Context(), keyOf("order-1")), outsidetest.ErrBroken)
			case beforeMute:
				if len(p.wire.Calls) == 3 {
					return outsidetest.ErrBroken
				}
			default:
			}
			return nil
		}
		_, err := p.ring(t.Context(), keyOf("order-1"))
		require.ErrorIs(t, err, outsidetest.ErrBroken, "the bell still rings")
		require.Equal(t, []outsidetest.Point{beforeRing, afterRing, beforeMute}, p.wire.Calls)
		_, err = p.ring(t.Context(), keyOf("order-1"))
		require.Equal(t, problem.AlreadyCompensated, problem.CodeOf(err))
		require.NoError(t, other.undo(t.Context(), keyOf("order-1")))
	})
	each(t, func(t *testing.T, s ringers) {
		p, other := s.start(), s.start()
		p.wire.At = func(here outsidetest.Point) error {
			if here == beforeRing {
				require.NoError(t, other.undo(t.Context(), keyOf("order-1")))
			}
			return nil
		}
		_, err := p.ring(t.Context(), keyOf("order-1"))
		require.Equal(t, problem.AlreadyCompensated, problem.CodeOf(err))
		bell, err := s.tower.lookup(keyOf("order-1").String())
		require.NoError(t, err)
		require.Equal(t, muted, bell)
	})
}

func TestEqualEffectsAtOnceAskOnce(t *testing.T) {
	each(t, func(t *testing.T, s ringers) {
		p := s.start()
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				answer, err := p.ring(t.Context(), keyOf("order-1"))
				assert.NoError(t, err)
				assert.Equal(t, "ring 1", answer)
			})
		}
		all.Wait()
		require.Equal(t, []outsidetest.Point{beforeRing, afterRing}, p.wire.Calls)
	})
}

func TestAnEffectThatWaitsForItsTurnEndsWithItsContext(t *testing.T) {
	var locks fence.Locks
	release, err := locks.Lock(t.Context(), keyOf("order-1"))
	require.NoError(t, err)
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = outside.Act(ctx, &locks, keyOf("order-1"), outside.Effect[int, string]{}) // nothing of it is called
	require.ErrorIs(t, err, context.Canceled)
}

func TestAskLooksForWhatMayHaveBeenAsked(t *testing.T) {
	errLost := errors.New("connection reset")
	for name, test := range map[string]struct {
		asked     bool
		lookupErr error
		sendErr   error
		calls     []string
		want      string
		wantErr   error
	}{
		"never asked":              {false, nil, nil, []string{"send"}, "sent", nil},
		"never asked, and lost":    {false, nil, errLost, []string{"send"}, "", errLost},
		"known":                    {true, nil, nil, []string{"lookup"}, "found", nil},
		"unknown":                  {true, errUnknownKey, nil, []string{"lookup", "send"}, "sent", nil},
		"unknown, and lost":        {true, errUnknownKey, errLost, []string{"lookup", "send"}, "", errLost},
		"perhaps known":            {true, errLost, nil, []string{"lookup"}, "", errLost},
		"unknown, in other words":  {true, errors.Join(errLost, errUnknownKey), nil, []string{"lookup", "send"}, "sent", nil},
		"another thing is unknown": {true, errUnknownKey, errUnknownKey, []string{"lookup", "send"}, "", errUnknownKey},
	} {
		t.Run(name, func(t *testing.T) {
			var calls []string
			call := func(name, outcome string, err error) func() (string, error) {
				return func() (string, error) {
					calls = append(calls, name)
					if err != nil {
						return "", err
					}
					return outcome, nil
				}
			}
			got, err := outside.Ask(test.asked, errUnknownKey,
				call("lookup", "found", test.lookupErr), call("send", "sent", test.sendErr))
			require.ErrorIs(t, err, test.wantErr)
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.calls, calls)
		})
	}
}
