package chaos

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"orderflow/internal/faults/failpoint"
)

// Coverage counts how often each cell has happened, over all runs that share a
// folder.
type Coverage struct {
	Cells map[string]int `json:"cells"`
}

// ReadCoverage reads what earlier runs have left; nothing is no error.
func ReadCoverage(folder string) (Coverage, error) {
	coverage := Coverage{Cells: map[string]int{}}
	text, err := os.ReadFile(filepath.Join(folder, coverageFile))
	if errors.Is(err, fs.ErrNotExist) {
		return coverage, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &coverage)
	}
	if err != nil {
		return coverage, fmt.Errorf("reading the coverage: %w", err)
	}
	return coverage, nil
}

const coverageFile = "coverage.json"

// Write keeps the coverage for later runs.
func (c Coverage) Write(folder string) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, coverageFile), text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("writing the coverage: %w", err)
	}
	return nil
}

// Count adds the cells that have happened in a run: those whose process says in
// its log that it has come to the point, and those that the driver has made
// itself.
func (c Coverage) Count(outcomes []Outcome, logs string) (happened int, err error) {
	reached, err := reachedPoints(logs)
	if err != nil {
		return 0, err
	}
	for _, outcome := range outcomes {
		fault := outcome.Fault
		if fault.Way != Aimed || !outcome.Happened() || fault.needsPoint() && !reached[fmt.Sprintf("fault-%d", fault.Number)] {
			continue
		}
		c.Cells[fault.Cell.String()]++
		happened++
	}
	return happened, nil
}

// needsPoint reports whether the fault needs the service to come to a point.
func (f Fault) needsPoint() bool {
	switch f.Cell.Aim {
	case KillService, StopService, DropCall, DelayCall, PanicCall:
		return true
	default:
		return f.Cell.Phase == During
	}
}

// reachedPoints are the names of the points in the processes' logs.
func reachedPoints(logs string) (map[string]bool, error) {
	files, err := filepath.Glob(filepath.Join(logs, "*.log"))
	if err != nil {
		return nil, fmt.Errorf("finding the logs: %w", err)
	}
	names := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading a log: %w", err)
		}
		for line := range strings.Lines(string(text)) {
			var entry struct{ Msg, FailPoint string }
			if !strings.Contains(line, failpoint.Reached) || json.Unmarshal([]byte(line), &entry) != nil {
				continue
			}
			if point, err := failpoint.Parse(entry.FailPoint); err == nil {
				names[point.Name] = true
			}
		}
	}
	return names, nil
}

// Table is the matrix for people: a row a step, three figures a fault, before,
// during and after; and below it what cannot happen, with the reasons.
func (c Coverage) Table(database string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%-18s", "before/during/after")
	for i := range Aims() {
		fmt.Fprintf(&text, " %9s", fmt.Sprintf("(%d)", i+1))
	}
	text.WriteByte('\n')
	reasons := map[string][]string{}
	covered, possible := 0, 0
	for _, effect := range Effects() {
		fmt.Fprintf(&text, "%-18s ", effect.Step)
		for _, aim := range Aims() {
			var figures []string
			for _, phase := range Phases() {
				cell := Cell{aim, effect.Step, phase}
				count := c.Cells[cell.String()]
				if reason := cell.Impossible(database); reason != "" {
					figures = append(figures, "-")
					reasons[reason] = append(reasons[reason], cell.String())
					continue
				}
				possible++
				if count > 0 {
					covered++
				}
				figures = append(figures, fmt.Sprint(count))
			}
			fmt.Fprintf(&text, " %9s", strings.Join(figures, "/"))
		}
		text.WriteByte('\n')
	}
	for i, aim := range Aims() {
		fmt.Fprintf(&text, "(%d) %s  ", i+1, aim)
	}
	fmt.Fprintf(&text, "\n%d of %d cells that can happen on %s have happened.\n", covered, possible, database)
	var lines []string
	for reason, cells := range reasons {
		lines = append(lines, fmt.Sprintf("- %d cells cannot happen: %s (such as: %s)\n", len(cells), reason, cells[0]))
	}
	slices.Sort(lines)
	return text.String() + strings.Join(lines, "")
}

// Missing lists the cells that can happen and have not.
func (c Coverage) Missing(database string) (missing []Cell) {
	for _, cell := range Cells(database) {
		if c.Cells[cell.String()] == 0 {
			missing = append(missing, cell)
		}
	}
	return missing
}
