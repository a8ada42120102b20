package chaos

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

// Journal is what became of each fault, as a file of JSON Lines and a line each
// for people.
type Journal struct {
	mu       sync.Mutex
	file     *os.File
	out      io.Writer
	began    time.Time
	outcomes map[int]Outcome
	err      error
}

// Outcome is what became of a fault.
type Outcome struct {
	Fault Fault `json:"fault"`
	// Began and Ended count from the beginning of the load; Began is 0 for one
	// that never began.
	Began time.Duration `json:"began"`
	Ended time.Duration `json:"ended"`
	// Met is what became of each cell of an aimed fault.
	Met []Meeting `json:"met,omitempty"`
	// Skipped says why it did not happen, Missed why it was in vain.
	Skipped string `json:"skipped,omitempty"`
	Missed  string `json:"missed,omitempty"`
}

// OpenJournal creates the file.
func OpenJournal(path string, out io.Writer) (*Journal, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	return &Journal{file: file, out: out, began: time.Now(), outcomes: map[int]Outcome{}}, nil
}

// Start is when the faults' times count from.
func (j *Journal) Start() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.began = time.Now()
}

// Begin records that a fault begins.
func (j *Journal) Begin(fault Fault) {
	j.change(fault, func(o *Outcome) {
		o.Began = time.Since(j.began)
		fmt.Fprintf(j.out, "%6.1fs %v\n", o.Began.Seconds(), o)
	})
}

// End records that a fault is over; an error says that it was in vain.
func (j *Journal) End(fault Fault, err error) {
	j.change(fault, func(o *Outcome) {
		o.Ended = time.Since(j.began)
		if err != nil {
			o.Missed = err.Error()
		}
	})
}

// Met records that an aimed fault is over.
func (j *Journal) Met(fault Fault, meetings []Meeting) {
	j.change(fault, func(o *Outcome) { o.Ended, o.Met = time.Since(j.began), meetings })
}

// Skip records that a fault does not happen.
func (j *Journal) Skip(fault Fault, reason string) {
	j.change(fault, func(o *Outcome) { o.Skipped = reason })
}

func (j *Journal) change(fault Fault, change func(*Outcome)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	outcome := j.outcomes[fault.Number]
	outcome.Fault = fault
	change(&outcome)
	j.outcomes[fault.Number] = outcome
	line, err := json.Marshal(outcome)
	if err == nil {
		_, err = j.file.Write(append(line, '\n'))
	}
	j.err = errors.Join(j.err, err)
}

// Outcomes returns what became of the faults so far, by their numbers.
func (j *Journal) Outcomes() []Outcome {
	j.mu.Lock()
	defer j.mu.Unlock()
	var all []Outcome
	for _, outcome := range j.outcomes {
		all = append(all, outcome)
	}
	slices.SortFunc(all, func(a, b Outcome) int { return a.Fault.Number - b.Fault.Number })
	return all
}

// Happened is how many faults have come true so far.
func (j *Journal) Happened() (happened int) {
	for _, outcome := range j.Outcomes() {
		if outcome.Happened() {
			happened++
		}
	}
	return happened
}

// Close returns the first error of any line too.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return errors.Join(j.err, j.file.Close())
}

// String says in a few words what became of it.
func (o Outcome) String() string {
	switch {
	case o.Skipped != "":
		return o.Fault.String() + ": skipped: " + o.Skipped
	case o.Missed != "":
		return o.Fault.String() + ": missed: " + o.Missed
	case len(o.Met) > 0:
		text := fmt.Sprintf("%3d %6.1fs  %s", o.Fault.Number, o.Began.Seconds(), o.Fault.Cells[0].Aim)
		for _, meeting := range o.Met {
			text += fmt.Sprintf(", %s %s: ", meeting.Cell.Phase, meeting.Cell.Step)
			if meeting.Reached {
				text += cmp.Or(meeting.OrderID, "reached")
			} else {
				text += "missed (" + meeting.Missed + ")"
			}
		}
		return text
	default:
		return o.Fault.String()
	}
}

// Happened reports whether the fault has come true, an aimed one in a cell at
// least.
func (o Outcome) Happened() bool {
	if o.Skipped != "" || o.Missed != "" {
		return false
	}
	return o.Fault.Way != Aimed || slices.ContainsFunc(o.Met, func(m Meeting) bool { return m.Reached })
}
