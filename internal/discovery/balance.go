package discovery

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Policy says which instance gets the next call.
type Policy string

// The policies. Both pass over instances that are ejected or could not be
// reached.
const (
	// RoundRobin takes turns.
	RoundRobin Policy = "round-robin"
	// LeastInFlight takes the instance with the fewest calls of this process
	// under way, by turns among equals. It sends less to a slow instance. An
	// instance that fails fast looks idle to it: ejection is what guards
	// against that.
	LeastInFlight Policy = "least-in-flight"
)

// Balance says how calls are spread over the instances of a service. The zero
// value is right: each field that is not set takes its default.
type Balance struct {
	// Policy is RoundRobin by default.
	Policy   Policy
	Ejection Ejection
}

// Ejection says when a bad instance is left alone: consecutive failures of its
// calls, slow ones among them, take it out of the rotation of this process for
// a time that doubles with each ejection. After the time, one call is sent to
// it as a probe; when that works, the instance is back.
//
// At most half of a service's instances are ejected, rounded down, so that a
// single one never is. An instance that stays in the rotation for as long as it
// was ejected last begins at BaseTime again. An instance that comes back at
// another address, in another version or after it was gone for MaxTime is a new
// one and begins clean; one that was gone for less is what it was before.
//
// The terms are those of Envoy's outlier detection (consecutive_5xx,
// base_ejection_time, max_ejection_time, max_ejection_percent). A zero field
// takes the default.
type Ejection struct {
	// Off leaves every instance in the rotation. Every failure then counts for
	// the service as a whole.
	Off bool
	// Failures is how many consecutive failures eject an instance. Default 3:
	// fewer than open a circuit breaker, because an instance has others beside
	// it, and a mistake costs little.
	Failures int
	// BaseTime is how long the first ejection lasts. Default 10 s.
	BaseTime time.Duration
	// MaxTime bounds how long an ejection lasts. Default 5 min, or BaseTime if
	// that is more.
	MaxTime time.Duration
}

func (b Balance) withDefaults() Balance {
	if b.Policy == "" {
		b.Policy = RoundRobin
	}
	if b.Ejection.Failures <= 0 {
		b.Ejection.Failures = 3
	}
	if b.Ejection.BaseTime <= 0 {
		b.Ejection.BaseTime = 10 * time.Second
	}
	if b.Ejection.MaxTime <= 0 {
		b.Ejection.MaxTime = max(5*time.Minute, b.Ejection.BaseTime)
	}
	return b
}

// Validate reports every setting that is out of its range, all at once.
func (b Balance) Validate() error {
	var errs []error
	if !slices.Contains([]Policy{"", RoundRobin, LeastInFlight}, b.Policy) {
		errs = append(errs, fmt.Errorf("balance policy %q: want %s or %s", b.Policy, RoundRobin, LeastInFlight))
	}
	e := b.Ejection
	if e.Failures < 0 {
		errs = append(errs, fmt.Errorf("ejection after %d failures: want 1 or more, or 0 for the default", e.Failures))
	}
	if e.BaseTime < 0 {
		errs = append(errs, fmt.Errorf("ejection base time %s: want more than 0, or 0 for the default", e.BaseTime))
	}
	if e.MaxTime < 0 || e.MaxTime > 0 && e.MaxTime < b.withDefaults().Ejection.BaseTime {
		errs = append(errs, fmt.Errorf("ejection max time %s: want no less than the base time, or 0 for the default", e.MaxTime))
	}
	return errors.Join(errs...)
}
