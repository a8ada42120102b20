package resilience

import "fmt"

// State is the state of a circuit breaker.
type State int

// The states of a circuit breaker. Their numbers are those of the metric.
const (
	Closed   State = iota // calls go through, failures are counted
	HalfOpen              // a few trial calls go through
	Open                  // no call goes through
)

var stateNames = [...]string{Closed: "closed", HalfOpen: "half-open", Open: "open"}

// String returns "closed", "half-open" or "open".
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return fmt.Sprintf("State(%d)", int(s))
	}
	return stateNames[s]
}

// MarshalText makes the state a word in JSON.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the word.
func (s *State) UnmarshalText(text []byte) error {
	for state, name := range stateNames {
		if string(text) == name {
			*s = State(state)
			return nil
		}
	}
	return fmt.Errorf("%q is no state of a circuit breaker", text)
}

// Counts are the results since the breaker entered its state.
type Counts struct {
	Requests  uint32 `json:"requests"`
	Successes uint32 `json:"successes"`
	Failures  uint32 `json:"failures"`
	// PartialFailures are failures of an instance while another one works.
	// While the breaker is closed, Failures holds them too.
	PartialFailures      uint32 `json:"partialFailures"`
	Ignored              uint32 `json:"ignored"`
	ConsecutiveSuccesses uint32 `json:"consecutiveSuccesses"`
	ConsecutiveFailures  uint32 `json:"consecutiveFailures"`
}

func (c *Counts) succeeded() {
	c.Successes++
	c.ConsecutiveSuccesses++
	c.ConsecutiveFailures = 0
}

func (c *Counts) failed() {
	c.Failures++
	c.ConsecutiveFailures++
	c.ConsecutiveSuccesses = 0
}
