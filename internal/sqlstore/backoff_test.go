package sqlstore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestBackoffIsRandomBelowABoundThatDoublesAndEnds(t *testing.T) {
	most := func(n int64) int64 { return n }
	for attempt, want := range map[int]time.Duration{
		1: 4 * time.Millisecond, 2: 8 * time.Millisecond, 5: 64 * time.Millisecond,
		6: 128 * time.Millisecond, 7: 128 * time.Millisecond, raceAttempts: 128 * time.Millisecond,
	} {
		assert.Equal(t, want, backoff(attempt, most), "attempt %d", attempt)
	}
	assert.Zero(t, backoff(3, func(int64) int64 { return 0 }))
}
