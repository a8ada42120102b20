package bench

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// spread is a median and the least and the most beside it.
type spread struct{ least, median, most float64 }

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN()}
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + sorted[middle]) / 2
	}
	return spread{sorted[0], median, sorted[len(sorted)-1]}
}

// String shows the median first: "1.62 (1.55–1.70)".
func (s spread) String() string { return s.format("%.2f") }

func (s spread) format(number string) string {
	return fmt.Sprintf(number+" ("+number+"–"+number+")", s.median, s.least, s.most)
}

// ratios divides pair by pair: what was measured in one round belongs together.
func ratios(of, by []float64) spread {
	pairs := make([]float64, min(len(of), len(by)))
	for i := range pairs {
		pairs[i] = of[i] / by[i]
	}
	return spreadOf(pairs)
}

// quantile is the least duration that this share of all does not exceed; 0 of
// none.
func quantile(durations []time.Duration, share float64) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(durations))
	return sorted[max(0, int(math.Ceil(share*float64(len(sorted))))-1)]
}

func milliseconds(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}
