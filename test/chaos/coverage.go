package chaos

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Coverage counts how often each cell has happened, and each fault that has no
// cell, over all runs that share a file.
type Coverage struct {
	Cells map[string]int `json:"cells"`
	Ways  map[Way]int    `json:"ways"`
}

// ReadCoverage reads what earlier runs have left in a file; nothing is no error.
func ReadCoverage(path string) (Coverage, error) {
	coverage := Coverage{Cells: map[string]int{}, Ways: map[Way]int{}}
	text, err := os.ReadFile(path)
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

// Write keeps the coverage for later runs.
func (c Coverage) Write(path string) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("writing the coverage: %w", err)
	}
	return nil
}

// Count adds what has happened in a run. It returns how many cells were reached,
// and how many of them for the first time.
func (c Coverage) Count(outcomes []Outcome) (reached, first int) {
	for _, outcome := range outcomes {
		if outcome.Fault.Way != Aimed && outcome.Happened() {
			c.Ways[outcome.Fault.Way]++
		}
		for _, meeting := range outcome.Met {
			if !meeting.Reached {
				continue
			}
			if c.Cells[meeting.Cell.String()]++; c.Cells[meeting.Cell.String()] == 1 {
				first++
			}
			reached++
		}
	}
	return reached, first
}

// Missing lists those of the cells that have not happened.
func (c Coverage) Missing(cells []Cell) (missing []Cell) {
	for _, cell := range cells {
		if c.Cells[cell.String()] == 0 {
			missing = append(missing, cell)
		}
	}
	return missing
}
