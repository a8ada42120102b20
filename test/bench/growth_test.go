package bench

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWhatGrowsInTheLastThirdIsNamed(t *testing.T) {
	const mib = 1 << 20
	g := &Growth{
		Memory: map[string][]uint64{
			"flat":    {20 * mib, 90 * mib, 100 * mib, 101 * mib, 99 * mib, 103 * mib},
			"leaking": {100 * mib, 120 * mib, 140 * mib, 160 * mib, 180 * mib, 200 * mib},
			"small":   {1 * mib, 2 * mib, 3 * mib, 4 * mib, 5 * mib, 6 * mib},
			"short":   {1},
			// More than a few bytes, and a small share.
			"large": {1000 * mib, 1000 * mib, 1000 * mib, 1000 * mib, 1030 * mib, 1030 * mib},
		},
		Goroutines: map[string][]int{
			"waiting": {10, 100, 200, 300, 400, 500},
			"few":     {10, 11, 12, 13, 14, 15},
			"many":    {2000, 2000, 2000, 2000, 2100, 2100},
		},
	}
	assert.Equal(t, []string{
		"the memory of leaking, from 160 to 200 MiB",
		"the goroutines of waiting, from 300 to 500",
	}, g.Grown())
}
