package chaos

import (
	"fmt"
	"slices"
	"strings"
)

// Table is the matrix for people: a row a step, three figures a fault, before,
// during and after; below it what cannot happen, and what this machine cannot
// do, with the reasons, and the cells that are still open.
func (c Coverage) Table(database string, tools Tools) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%-19s", "before/during/after")
	for i := range Aims() {
		fmt.Fprintf(&text, " %8s", fmt.Sprintf("(%d)", i+1))
	}
	text.WriteByte('\n')
	impossible, skipped := reasons{}, reasons{}
	for _, effect := range Effects() {
		fmt.Fprintf(&text, "%-19s", effect.Step)
		for _, aim := range Aims() {
			var figures []string
			for _, phase := range Phases() {
				cell := Cell{aim, effect.Step, phase}
				if reason := cell.Impossible(database); reason != "" {
					figures = append(figures, "-")
					impossible.add(reason, cell)
				} else if reason := tools.lacks(aim); reason != "" {
					figures = append(figures, "?")
					skipped.add(reason, cell)
				} else {
					figures = append(figures, fmt.Sprint(c.Cells[cell.String()]))
				}
			}
			fmt.Fprintf(&text, " %8s", strings.Join(figures, "/"))
		}
		text.WriteByte('\n')
	}
	for i, aim := range Aims() {
		fmt.Fprintf(&text, "(%d) %s  ", i+1, aim)
	}
	cells := tools.Cells(database)
	missing := c.Missing(cells)
	fmt.Fprintf(&text, "\n%d of %d cells that can happen on %s have happened.\n", len(cells)-len(missing), len(cells), database)
	impossible.print(&text, "cannot happen")
	skipped.print(&text, "are skipped")
	text.WriteString("faults without a cell:")
	for _, way := range slices.Compact(slices.Sorted(slices.Values(unaimed()))) {
		fmt.Fprintf(&text, " %s %d,", way, c.Ways[way])
	}
	text.WriteByte('\n')
	if len(missing) <= printedCells {
		for _, cell := range missing {
			fmt.Fprintf(&text, "not yet: %v\n", cell)
		}
	}
	return text.String()
}

// printedCells is how many open cells are named one by one.
const printedCells = 40

// reasons are cells by what is the matter with them.
type reasons map[string][]Cell

func (r reasons) add(reason string, cell Cell) { r[reason] = append(r[reason], cell) }

func (r reasons) print(text *strings.Builder, what string) {
	var lines []string
	for reason, cells := range r {
		lines = append(lines, fmt.Sprintf("- %d cells %s: %s (such as: %s)\n", len(cells), what, reason, cells[0]))
	}
	slices.Sort(lines)
	text.WriteString(strings.Join(lines, ""))
}
