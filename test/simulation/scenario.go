package simulation

import (
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"time"

	"orderflow/workflows/contract"
)

// Scenario is one order and everything that will happen to it. It says when by
// calls and by virtual time, so that it can be played again.
type Scenario struct {
	// Label says what it is about; empty for one that was drawn.
	Label    string `json:",omitempty"`
	Seed     uint64
	StartsAt time.Duration
	Order    contract.PlaceOrderInput
	// Fates are those of the calls of each activity, in their order; the calls
	// after them arrive.
	Fates map[string][]Fate
	// Messages come from customers and operators.
	Messages     []Message
	Terminations []Termination
	// BankRefuses makes the payment provider refuse to give this order's money
	// back until an operator has talked to the bank.
	BankRefuses bool
}

// Moment is a point in an order's life: when a call is on its way to the
// service (or, Answered, on its way back), and a delay after that.
type Moment struct {
	Activity string
	// Call counts the calls of the activity, over all runs, from 1.
	Call     int
	Answered bool
	Delay    time.Duration
}

// recoveredAfter is how long nobody notices that a run was terminated, by the
// scenario or by an operator.
func (s *Scenario) recoveredAfter(run int) time.Duration {
	if run <= len(s.Terminations) {
		return s.Terminations[run-1].RecoveredAfter
	}
	return s.between("recovery", run, 0, 30*time.Second)
}

// cancelWorkflow stands for no update, but for Temporal's own cancellation.
const cancelWorkflow = "cancelWorkflow"

// Message is an update that somebody sends to the order's workflow.
type Message struct {
	At      Moment
	Update  string
	Request any
}

// Termination ends the workflow from outside: its code does not run any more.
// A recovery follows.
type Termination struct {
	At Moment
	// RecoveredAfter is how long nobody notices.
	RecoveredAfter time.Duration
	// TaskOnly says that it is no more than the first workflow task that ends
	// there, with its worker. The next run does it again, and no recovery follows.
	TaskOnly bool
}

// lostTask reports whether the run of that number was a workflow task only.
func (s *Scenario) lostTask(run int) bool {
	return run > 0 && run <= len(s.Terminations) && s.Terminations[run-1].TaskOnly
}

// fate is what becomes of the call of that number.
func (s *Scenario) fate(activity string, call int) Fate {
	if fates := s.Fates[activity]; call <= len(fates) {
		return fates[call-1]
	}
	return Arrives
}

// chance is uniform in [0, 1), and always the same for the same thing.
func (s *Scenario) chance(about string, number int) float64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(s.Order.OrderID + "/" + about))
	var text [8]byte
	binary.BigEndian.PutUint64(text[:], uint64(number))
	_, _ = hash.Write(text[:])
	return rand.New(rand.NewPCG(s.Seed, hash.Sum64())).Float64()
}

// between is a time between two others. It has nanoseconds of its own: hardly
// ever do two things happen at the same moment.
func (s *Scenario) between(about string, number int, shortest, longest time.Duration) time.Duration {
	return shortest + time.Duration(s.chance(about, number)*float64(longest-shortest))
}

// String is the scenario as JSON.
func (s *Scenario) String() string {
	text, err := json.Marshal(s)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
