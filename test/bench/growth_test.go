package bench

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWhatGrowsInTheLastThirdIsNamed(t *testing.T) {
	const mib = 1 << 20
	flat := []uint64{20 * mib, 90 * mib, 100 * mib, 101 * mib, 99 * mib, 103 * mib}
	g := &Growth{
		Memory: map[string][]uint64{
			"flat": flat, "leaking": {100 * mib, 120 * mib, 140 * mib, 160 * mib, 180 * mib, 200 * mib},
			"small": {1 * mib, 2 * mib, 3 * mib, 4 * mib, 5 * mib, 6 * mib}, "short": {1},
		},
		Goroutines: map[string][]int{"flat": {10, 100, 200, 300, 400, 500}, "small": {10, 11, 12, 13, 14, 15}},
	}
	assert.Equal(t, []string{
		"the memory of leaking, from 160 to 200 MiB",
		"the goroutines of flat, from 300 to 500",
	}, g.Grown())
}
