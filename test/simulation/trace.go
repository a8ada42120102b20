package simulation

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Trace is what happened to one order, in its order.
type Trace struct {
	began time.Time

	mu      sync.Mutex
	entries []Entry
}

// Entry is one thing that happened. The fields that do not apply are empty.
type Entry struct {
	At   time.Duration
	Kind EntryKind
	// Run counts the order's workflows from 1.
	Run int
	// Activity, Call and Revision say which call it was.
	Activity string
	Call     int
	Revision int
	// Text is the call's fate, what a service has answered, or what somebody
	// was told.
	Text string
}

// EntryKind says what happened.
type EntryKind string

// The kinds of entries.
const (
	// Sent: an activity has made a call. Text is its fate.
	Sent EntryKind = "sent"
	// Delivered: the service has seen the call. Text is the code of its
	// problem, or "done".
	Delivered EntryKind = "delivered"
	// Told: somebody has sent an update. Text is what it was and the answer.
	Told EntryKind = "told"
	// Began and Ended are about workflows. Text is how it ended.
	Began EntryKind = "began"
	Ended EntryKind = "ended"
)

func (t *Trace) add(entry Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	entry.At = time.Since(t.began)
	t.entries = append(t.entries, entry)
}

// Entries returns what has happened so far.
func (t *Trace) Entries() []Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.entries)
}

// String writes an entry a line.
func (t *Trace) String() string {
	var text strings.Builder
	for _, entry := range t.Entries() {
		fmt.Fprintln(&text, entry)
	}
	return text.String()
}

// String writes the entry on one line.
func (e Entry) String() string {
	line := fmt.Sprintf("%15s run %d %-9s", e.At, e.Run, e.Kind)
	if e.Activity != "" {
		line += fmt.Sprintf(" %s, call %d, revision %d:", e.Activity, e.Call, e.Revision)
	}
	return line + " " + e.Text
}
