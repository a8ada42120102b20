package bench

import (
	"fmt"
	"slices"
	"strings"
)

// What may be more in the last third of a soak than in the second one: a share
// of what was there, or a few, whichever is more. In the first, caches fill.
const (
	mostGrowth    = 0.15
	fewBytes      = 24 << 20
	fewGoroutines = 40
)

// Grown names, in words, what was more in the last third than in the second: by
// more than 15 %, and by more than 24 MiB or 40 goroutines. None does not mean
// that all is flat: a process that keeps less than that of all the orders between
// is not found.
func (g *Growth) Grown() []string {
	var grown []string
	for _, name := range processNames(g.Memory) {
		if before, after := thirds(g.Memory[name]); grew(before, after, fewBytes) {
			grown = append(grown, fmt.Sprintf("the memory of %s, from %d to %d MiB", name, before>>20, after>>20))
		}
	}
	for _, name := range processNames(g.Goroutines) {
		if before, after := thirds(g.Goroutines[name]); grew(before, after, fewGoroutines) {
			grown = append(grown, fmt.Sprintf("the goroutines of %s, from %d to %d", name, before, after))
		}
	}
	return grown
}

func grew[N int | uint64](before, after, few N) bool {
	return after > before+few && float64(after) > float64(before)*(1+mostGrowth)
}

// thirds are the medians of the second and of the last third.
func thirds[N int | uint64](values []N) (second, last N) {
	third := len(values) / 3
	if third == 0 {
		return 0, 0
	}
	median := func(of []N) N {
		sorted := slices.Sorted(slices.Values(of))
		return sorted[len(sorted)/2]
	}
	return median(values[third : 2*third]), median(values[2*third:])
}

// Markdown is a table of memory, and one of goroutines.
func (g *Growth) Markdown() string {
	var text strings.Builder
	headings := []string{"Orders so far"}
	for _, count := range g.Orders {
		headings = append(headings, fmt.Sprint(count))
	}
	var memory, goroutines [][]string
	for _, name := range processNames(g.Memory) {
		cells := []string{name}
		for _, bytes := range g.Memory[name] {
			cells = append(cells, fmt.Sprint(bytes>>20))
		}
		memory = append(memory, cells)
	}
	for _, name := range processNames(g.Goroutines) {
		cells := []string{name}
		for _, count := range g.Goroutines[name] {
			cells = append(cells, fmt.Sprint(count))
		}
		goroutines = append(goroutines, cells)
	}
	writeTable(&text, "Memory, MiB", headings, memory)
	writeTable(&text, "Goroutines", headings, goroutines)
	return text.String()
}
