package outside_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/internal/fence"
	"orderflow/internal/fence/outside/outsidetest"
	"orderflow/internal/problem"
)

// Any sequence of an effect and its undoing, by two processes, repeated,
// reordered, broken at any point of the wire and overtaken there by a third,
// keeps what was answered true.
func TestAnAnswerStaysTrueWhateverHappens(t *testing.T) {
	each(t, func(t *testing.T, s ringers) {
		var runs atomic.Int64
		rapid.Check(t, func(t *rapid.T) {
			run := &run{
				ringers: s, key: keyOf(fmt.Sprintf("order-%d", runs.Add(1))), processes: []*ringer{s.start(), s.start()},
			}
			t.Repeat(map[string]func(*rapid.T){
				"ring": func(t *rapid.T) { run.ring(t, run.process(t), run.meanwhile(t)) },
				"undo": func(t *rapid.T) { run.undo(t, run.process(t), run.meanwhile(t)) },
				"":     run.check,
			})
			run.heal(t)
		})
	})
}

// run is one key and what callers know of it.
type run struct {
	ringers
	key       fence.Key
	processes []*ringer

	answer     string // the first
	refused    bool   // for good
	undoSent   bool
	undoneOnce bool // an undo was answered
}

func (r *run) process(t *rapid.T) *ringer {
	return rapid.SampledFrom(r.processes).Draw(t, "process")
}

func (r *run) meanwhile(t *rapid.T) func(outsidetest.Point) error {
	return outsidetest.Meanwhile(t, map[string]func(func(outsidetest.Point) error){
		"ring": func(breaks func(outsidetest.Point) error) { r.ring(t, r.start(), breaks) },
		"undo": func(breaks func(outsidetest.Point) error) { r.undo(t, r.start(), breaks) },
	})
}

func (r *run) ring(t *rapid.T, p *ringer, meanwhile func(outsidetest.Point) error) {
	p.wire.At = meanwhile
	answer, err := p.ring(context.Background(), r.key)
	switch problem.CodeOf(err) {
	case problem.AlreadyCompensated:
		require.True(t, r.undoSent)
		r.refused = true
	case problem.InFlight: // the same call again is answered
	default:
		if err != nil {
			require.ErrorIs(t, err, outsidetest.ErrBroken)
			return
		}
		require.False(t, r.refused, "a refusal is final")
		if r.answer != "" {
			require.Equal(t, r.answer, answer, "the first answer is answered again")
		}
		r.answer = answer
	}
}

func (r *run) undo(t *rapid.T, p *ringer, meanwhile func(outsidetest.Point) error) {
	r.undoSent = true
	p.wire.At = meanwhile
	if err := p.undo(context.Background(), r.key); err != nil {
		require.ErrorIs(t, err, outsidetest.ErrBroken)
		return
	}
	r.undoneOnce = true
}

// check is what holds at every instant.
func (r *run) check(t *rapid.T) {
	bell, err := r.tower.lookup(r.key.String())
	if r.undoneOnce {
		require.Equal(t, muted, bell, "what was undone stays undone")
	}
	if r.answer != "" && !r.undoSent {
		require.NoError(t, err)
		require.Equal(t, r.answer, fmt.Sprintf("ring %d", bell), "what was answered has happened")
	}
}

// heal repeats the calls over a wire that holds.
func (r *run) heal(t *rapid.T) {
	healthy := r.start()
	if r.undoSent {
		r.undo(t, healthy, nil)
		require.True(t, r.undoneOnce)
	}
	r.ring(t, healthy, nil)
	require.Equal(t, r.undoSent, r.refused)
	require.Equal(t, !r.undoSent, r.answer != "" && !r.refused)
	r.check(t)
}
