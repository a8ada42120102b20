package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Compare measures in turn, in one run, the product on two grounds that differ
// in settings or programs: whether a change wins. The table that it returns has
// ratios of the second to the first.
func Compare(ctx context.Context, settings Settings, first, second Ground) (table string, err error) {
	if err := settings.Validate(); err != nil {
		return "", err
	}
	var compared [2]*Report
	var all [2]measuring
	for i, ground := range []Ground{first, second} {
		s, err := boot(ctx, ground)
		if err != nil {
			return "", err
		}
		defer func() { err = errors.Join(err, s.close()) }()
		compared[i] = &Report{Settings: settings, turns: map[row][]turn{}}
		all[i] = measuring{system: s, settings: settings, report: compared[i], out: ground.Out}
		if err := all[i].warmUp(ctx); err != nil {
			return "", err
		}
	}
	for _, measure := range []func(measuring, side) error{
		func(m measuring, s side) error { return m.saturated(ctx, s, "") },
		func(m measuring, s side) error {
			return m.turn(ctx, row{side: s.name, outstanding: 1}, s, settings.Single)
		},
	} {
		for round := range settings.Rounds {
			for i := range all {
				m := all[(i+round)%2]
				for _, s := range m.sides()[2:] {
					if err := measure(m, s); err != nil {
						return "", err
					}
				}
			}
		}
	}
	return compareTable(settings, compared[0], compared[1]), nil
}

func compareTable(settings Settings, first, second *Report) string {
	var text strings.Builder
	var rows [][]string
	for _, name := range []string{durableWay, asShipped} {
		full, one := row{side: name, outstanding: settings.Outstanding}, row{side: name, outstanding: 1}
		rows = append(rows, []string{
			name, ratios(second.rates(full), first.rates(full)).String(), ratios(second.medians(one), first.medians(one)).String(),
			ratios(second.cpuOfTurns(full), first.cpuOfTurns(full)).String(),
		})
	}
	writeTable(&text, "Second / first", []string{
		"Side", fmt.Sprintf("Orders per second at %d outstanding", settings.Outstanding), "p50 from acceptance to end at 1", "CPU for an order",
	}, rows)
	rows = nil
	shipped := row{side: asShipped, outstanding: settings.Outstanding}
	for _, process := range slices.Sorted(maps.Keys(first.turns[shipped][0].cpu)) {
		rows = append(rows, []string{
			process, fmt.Sprintf("%.2f", first.cpuPerThousand(shipped, process)), fmt.Sprintf("%.2f", second.cpuPerThousand(shipped, process)),
		})
	}
	writeTable(&text, "CPU seconds for 1,000 orders as shipped", []string{"Process", "First", "Second"}, rows)
	return text.String()
}

// cpuOfTurns is what all processes of the system used for an order, in seconds,
// in each turn.
func (r *Report) cpuOfTurns(of row) []float64 {
	var each []float64
	for _, t := range r.turns[of] {
		var used time.Duration
		for _, cpu := range t.cpu {
			used += cpu
		}
		each = append(each, used.Seconds()/float64(t.orders))
	}
	return each
}
