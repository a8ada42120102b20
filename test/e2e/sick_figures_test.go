package e2e_test

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// figures are what a run prints: a table of what was measured.
type figures struct {
	title string
	rows  [][2]string
}

func (f *figures) add(what, format string, args ...any) {
	f.rows = append(f.rows, [2]string{what, fmt.Sprintf(format, args...)})
}

// String is the table.
func (f *figures) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n", f.title)
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range f.rows {
		fmt.Fprintf(table, "  %s\t%s\n", row[0], row[1])
	}
	_ = table.Flush() // a builder takes everything
	return text.String()
}

// quantiles are times that are shown by their distribution.
type quantiles []time.Duration

// String names how many they are, the median and the slowest.
func (q quantiles) String() string {
	if len(q) == 0 {
		return "none"
	}
	sorted := slices.Sorted(slices.Values(q))
	at := func(share float64) time.Duration {
		return sorted[int(share*float64(len(sorted)-1))].Round(time.Millisecond)
	}
	return fmt.Sprintf("%d: half within %v, 99 %% within %v, all within %v", len(q), at(0.5), at(0.99), at(1))
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
