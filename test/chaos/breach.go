package chaos

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Breach is a promise that was broken.
type Breach struct {
	// Invariant is its number in the list of "starter verify"; 10 is privacy.
	Invariant int    `json:"invariant"`
	Subject   string `json:"subject"`
	Detail    string `json:"detail"`
}

// Numbers of the invariants that are judged here. The others are those of
// "starter verify".
const (
	endInvariant          = 3
	compensationInvariant = 7
	idempotencyInvariant  = 8
	acceptanceInvariant   = 9
	privacyInvariant      = 10
)

// String is the breach in one line.
func (b Breach) String() string {
	return fmt.Sprintf("invariant %d: %s: %s", b.Invariant, b.Subject, strings.Join(strings.Fields(b.Detail), " "))
}

// Breaches collects what is broken, from many goroutines.
type Breaches struct {
	mu  sync.Mutex
	all []Breach
}

// Add adds a breach unless it is there.
func (b *Breaches) Add(invariant int, subject, format string, args ...any) {
	found := Breach{invariant, subject, fmt.Sprintf(format, args...)}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(b.all, found) {
		b.all = append(b.all, found)
	}
}

// All returns what was found so far.
func (b *Breaches) All() []Breach {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.all)
}
