package resilience

import "fmt"

// Purpose is what a call is for. Each has a pool of its own in the bulkhead and
// a retry budget of its own.
type Purpose int

// The purposes.
const (
	// Forward is any call that is no compensation.
	Forward Purpose = iota
	// Compensation undoes what was done before. It waits for nothing but other
	// compensations, and pays for no retry but theirs: what was promised to be
	// undone must be, also while forward calls take all that the target can do.
	Compensation

	purposes int = iota
)

var purposeNames = [purposes]string{Forward: "forward", Compensation: "compensation"}

// String returns "forward" or "compensation".
func (p Purpose) String() string {
	if p < 0 || int(p) >= purposes {
		return fmt.Sprintf("Purpose(%d)", int(p))
	}
	return purposeNames[p]
}

// MarshalText makes the purpose a word in JSON.
func (p Purpose) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads the word.
func (p *Purpose) UnmarshalText(text []byte) error {
	for purpose, name := range purposeNames {
		if string(text) == name {
			*p = Purpose(purpose)
			return nil
		}
	}
	return fmt.Errorf("%q is no purpose of a call", text)
}
