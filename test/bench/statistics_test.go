package bench

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestSpreadOfRounds(t *testing.T) {
	assert.Equal(t, spread{1, 2, 9}, spreadOf([]float64{9, 1, 2}))
	assert.Equal(t, spread{1, 2.5, 9}, spreadOf([]float64{9, 1, 2, 3}))
	assert.Equal(t, "2.00 (1.00–9.00)", spreadOf([]float64{9, 1, 2}).String())
}

// The median of the ratios is not the ratio of the medians: what slowed down
// one round slowed down both sides of it.
func TestRatiosArePairedByRound(t *testing.T) {
	assert.Equal(t, spread{2, 2, 2}, ratios([]float64{10, 100, 4}, []float64{5, 50, 2}))
	assert.Equal(t, spread{0.5, 2, 3}, ratios([]float64{1, 4, 9}, []float64{2, 2, 3}))
}

func TestQuantiles(t *testing.T) {
	var all []time.Duration
	for ms := 100; ms >= 1; ms-- {
		all = append(all, time.Duration(ms)*time.Millisecond)
	}
	assert.Equal(t, 50*time.Millisecond, quantile(all, 0.5))
	assert.Equal(t, 95*time.Millisecond, quantile(all, 0.95))
	assert.Equal(t, 99*time.Millisecond, quantile(all, 0.99))
	assert.Equal(t, time.Second, quantile([]time.Duration{time.Second}, 0.99))
	assert.Zero(t, quantile(nil, 0.5))
}

func TestEveryOtherRoundGoesTheOtherWayRound(t *testing.T) {
	var visited string
	sides := []side{{name: "a"}, {name: "b"}, {name: "c"}}
	assert.NoError(t, inTurn(3, sides, func(_ int, s side) error { visited += s.name; return nil }))
	assert.Equal(t, "abccbaabc", visited)
}
