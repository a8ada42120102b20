package internal_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/internal/conditional"
	"orderflow/internal/problem"
	"orderflow/services/catalog"
	"orderflow/services/catalog/internal"
)

var unconditionally conditional.Condition

func ifMatch(t *testing.T, tags string) conditional.Condition {
	t.Helper()
	condition, err := conditional.FromHeader(http.Header{"If-Match": {tags}})
	require.NoError(t, err)
	return condition
}

func pricedAt(amount int64) catalog.Record {
	record := kettle()
	record.UnitPrice.Amount = amount
	return record
}

func TestAPutWhoseConditionFailsWritesNothing(t *testing.T) {
	each(t, func(t *testing.T, s *internal.Service) {
		for _, condition := range []conditional.Condition{conditional.IfVersion(1), ifMatch(t, "*")} {
			_, _, err := s.Put(t.Context(), kettle(), condition)
			assert.Equal(t, problem.PreconditionFailed, problem.CodeOf(err))
		}
		_, err := s.Product(t.Context(), "prod-kettle")
		assert.Equal(t, problem.NotFound, problem.CodeOf(err))

		first, created, err := s.Put(t.Context(), kettle(), conditional.IfAbsent())
		require.NoError(t, err)
		assert.True(t, created)

		// Also with the content that is stored: it proves nothing.
		for _, record := range []catalog.Record{kettle(), pricedAt(1)} {
			for _, condition := range []conditional.Condition{conditional.IfAbsent(), conditional.IfVersion(2), ifMatch(t, `W/"1"`)} {
				_, _, err = s.Put(t.Context(), record, condition)
				assert.Equal(t, problem.PreconditionFailed, problem.CodeOf(err))
			}
		}
		found, err := s.Product(t.Context(), "prod-kettle")
		require.NoError(t, err)
		assert.Equal(t, first, found)
	})
}

func TestAPutWhoseConditionHoldsIsAnyOther(t *testing.T) {
	each(t, func(t *testing.T, s *internal.Service) {
		_, _, err := s.Put(t.Context(), kettle(), conditional.IfAbsent())
		require.NoError(t, err)
		for i, condition := range []conditional.Condition{conditional.IfVersion(1), ifMatch(t, "*"), ifMatch(t, `"1", "3"`)} {
			stored, created, err := s.Put(t.Context(), pricedAt(int64(i)), condition)
			require.NoError(t, err)
			assert.False(t, created)
			assert.Equal(t, int64(i+2), stored.Version)
		}
	})
}

// Each writer reads, adds one to the price and puts on condition that nobody
// was faster, until it succeeds.
func TestNoIncrementIsLost(t *testing.T) {
	each(t, func(t *testing.T, s *internal.Service) {
		const writers = 50
		_, _, err := s.Put(t.Context(), pricedAt(0), conditional.IfAbsent())
		require.NoError(t, err)
		increment := func() error {
			found, err := s.Product(t.Context(), "prod-kettle")
			if err != nil {
				return err
			}
			_, _, err = s.Put(t.Context(), pricedAt(found.UnitPrice.Amount+1), conditional.IfVersion(found.Version))
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
		found, err := s.Product(t.Context(), "prod-kettle")
		require.NoError(t, err)
		assert.Equal(t, int64(writers), found.UnitPrice.Amount)
		assert.Equal(t, int64(writers+1), found.Version)
	})
}

func TestOneOfManyCreatesTheRow(t *testing.T) {
	each(t, func(t *testing.T, s *internal.Service) {
		var creations, refusals atomic.Int64
		var done sync.WaitGroup
		for range 20 {
			done.Go(func() {
				_, created, err := s.Put(t.Context(), kettle(), conditional.IfAbsent())
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
	})
}

// drawCondition draws what a writer demands of a row, and says whether a row of
// the version, 0 for none, meets it.
func drawCondition(t *rapid.T, version int64) (condition conditional.Condition, holds bool) {
	switch rapid.SampledFrom([]string{"none", "absent", "version"}).Draw(t, "condition") {
	case "absent":
		return conditional.IfAbsent(), version == 0
	case "version":
		demanded := max(version+rapid.Int64Range(-1, 1).Draw(t, "off"), 1)
		return conditional.IfVersion(demanded), demanded == version
	default:
		return unconditionally, true
	}
}
