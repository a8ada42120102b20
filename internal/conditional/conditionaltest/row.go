// Package conditionaltest is the contract of rows that are read and written on
// conditions, for the tests of the services that have such rows: what the
// package conditional promises of a service, of its client and of its routes.
// Nothing of the product imports it.
package conditionaltest

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/internal/conditional"
	"orderflow/internal/problem"
)

// Row is one row of a service, which does not exist yet. Its content is a
// number from 0 on, which the service keeps in one of its fields.
type Row[State any] struct {
	Put     func(ctx context.Context, content int, condition conditional.Condition) (stored State, created bool, err error)
	Get     func(ctx context.Context) (State, error)
	Content func(State) int
	Version func(State) int64
}

// Writes tests that a service writes its rows as their conditions allow. The
// function row returns the one of an ID.
func Writes[State any](t *testing.T, row func(id string) Row[State]) {
	t.Run("a write whose condition fails writes nothing", func(t *testing.T) { row("refused").refuses(t) })
	t.Run("a write whose condition holds is any other", func(t *testing.T) { row("held").accepts(t) })
	t.Run("no increment is lost", func(t *testing.T) { row("counter").counts(t) })
	t.Run("one of many creates the row", func(t *testing.T) { row("new").createsOnce(t) })
	t.Run("a write of what is stored changes nothing", func(t *testing.T) { row("same").staysEqual(t) })
	t.Run("writes without a condition each count once", func(t *testing.T) { row("busy").takesAll(t) })
}

func (r Row[State]) refuses(t *testing.T) {
	for _, condition := range []conditional.Condition{conditional.IfVersion(1), ifMatch(t, "*")} {
		_, _, err := r.Put(t.Context(), 0, condition)
		assert.Equal(t, problem.PreconditionFailed, problem.CodeOf(err))
	}
	_, err := r.Get(t.Context())
	assert.Equal(t, problem.NotFound, problem.CodeOf(err))

	first, created, err := r.Put(t.Context(), 0, conditional.IfAbsent())
	require.NoError(t, err)
	assert.True(t, created)

	// Also with the content that is stored: it proves nothing.
	for content := range 2 {
		for _, condition := range []conditional.Condition{conditional.IfAbsent(), conditional.IfVersion(2), ifMatch(t, `W/"1"`)} {
			_, _, err = r.Put(t.Context(), content, condition)
			assert.Equal(t, problem.PreconditionFailed, problem.CodeOf(err))
		}
	}
	found, err := r.Get(t.Context())
	require.NoError(t, err)
	assert.Equal(t, first, found)
}

func (r Row[State]) accepts(t *testing.T) {
	_, _, err := r.Put(t.Context(), 0, conditional.IfAbsent())
	require.NoError(t, err)
	for i, condition := range []conditional.Condition{conditional.IfVersion(1), ifMatch(t, "*"), ifMatch(t, `"1", "3"`)} {
		stored, created, err := r.Put(t.Context(), i+1, condition)
		require.NoError(t, err)
		assert.False(t, created)
		assert.Equal(t, i+1, r.Content(stored))
		assert.Equal(t, int64(i+2), r.Version(stored))
	}
}

// counts has each writer read, add one and write on condition that nobody was
// faster, until it succeeds.
func (r Row[State]) counts(t *testing.T) {
	const writers = 50
	_, _, err := r.Put(t.Context(), 0, conditional.IfAbsent())
	require.NoError(t, err)
	increment := func() error {
		found, err := r.Get(t.Context())
		if err != nil {
			return err
		}
		_, _, err = r.Put(t.Context(), r.Content(found)+1, conditional.IfVersion(r.Version(found)))
		return err
	}
	var done sync.WaitGroup
	for range writers {
		done.Go(func() {
			err := increment()
			for problem.CodeOf(err) == problem.PreconditionFailed {
				err = increment()
			}
			assert.NoError(t, err)
		})
	}
	done.Wait()
	found, err := r.Get(t.Context())
	require.NoError(t, err)
	assert.Equal(t, writers, r.Content(found))
	assert.Equal(t, int64(writers+1), r.Version(found))
}

func (r Row[State]) createsOnce(t *testing.T) {
	var creations, refusals atomic.Int64
	var done sync.WaitGroup
	for range 20 {
		done.Go(func() {
			_, created, err := r.Put(t.Context(), 0, conditional.IfAbsent())
			switch {
			case err == nil && created:
				creations.Add(1)
			case problem.CodeOf(err) == problem.PreconditionFailed:
				refusals.Add(1)
			default:
				assert.NoError(t, err)
			}
		})
	}
	done.Wait()
	assert.Equal(t, int64(1), creations.Load())
	assert.Equal(t, int64(19), refusals.Load())
}

func (r Row[State]) staysEqual(t *testing.T) {
	first, _, err := r.Put(t.Context(), 1, conditional.Condition{})
	require.NoError(t, err)
	second, created, err := r.Put(t.Context(), 1, conditional.Condition{})
	require.NoError(t, err)
	assert.False(t, created)
	assert.Equal(t, first, second)
}

func (r Row[State]) takesAll(t *testing.T) {
	const writers = 20
	var creations atomic.Int64
	var done sync.WaitGroup
	for content := range writers {
		done.Go(func() {
			_, created, err := r.Put(t.Context(), content, conditional.Condition{})
			assert.NoError(t, err)
			if created {
				creations.Add(1)
			}
		})
	}
	done.Wait()
	found, err := r.Get(t.Context())
	require.NoError(t, err)
	assert.Equal(t, int64(writers), r.Version(found))
	assert.Equal(t, int64(1), creations.Load())
}

// Draw draws what a writer demands of a row, and says whether a row of the
// version, 0 for none, meets it.
func Draw(t *rapid.T, version int64) (condition conditional.Condition, holds bool) {
	switch rapid.SampledFrom([]string{"none", "absent", "version"}).Draw(t, "condition") {
	case "absent":
		return conditional.IfAbsent(), version == 0
	case "version":
		demanded := max(version+rapid.Int64Range(-1, 1).Draw(t, "off"), 1)
		return conditional.IfVersion(demanded), demanded == version
	default:
		return conditional.Condition{}, true
	}
}

// Client tests that a service's client sends its conditions. Put writes the one
// row of the service, which does not exist yet, and returns its version.
func Client(t *testing.T, put func(ctx context.Context, content int, condition conditional.Condition) (version int64, err error)) {
	t.Helper()
	for _, step := range []struct {
		content   int
		condition conditional.Condition
		want      int64 // 0: refused
	}{
		{0, conditional.IfVersion(1), 0},
		{0, conditional.IfAbsent(), 1},
		{0, conditional.IfAbsent(), 0},
		{1, conditional.IfVersion(2), 0},
		{1, conditional.IfVersion(1), 2},
	} {
		version, err := put(t.Context(), step.content, step.condition)
		if step.want == 0 {
			assert.Equal(t, problem.PreconditionFailed, problem.CodeOf(err), "%+v", step)
			continue
		}
		require.NoError(t, err, "%+v", step)
		assert.Equal(t, step.want, version)
	}
}

func ifMatch(t *testing.T, tags string) conditional.Condition {
	t.Helper()
	condition, err := conditional.FromHeader(http.Header{"If-Match": {tags}})
	require.NoError(t, err)
	return condition
}
