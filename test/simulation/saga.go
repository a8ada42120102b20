package simulation

import (
	"sync"
	"time"
)

// Saga is one order while its scenario is played.
type Saga struct {
	Scenario *Scenario
	Trace    *Trace
	// End is how its last workflow ended.
	End End

	mu     sync.Mutex
	run    int
	calls  map[string]int
	onCall func(activity string, call int, answered bool)
}

// End is how a workflow ended.
type End string

// The ends of a workflow. Any other text is an error that should not be.
const (
	// Shipped: with a result.
	Shipped End = "shipped"
	// Undone: with an error of type contract.ErrorSagaFailed.
	Undone End = "undone"
	// CancelledByRequest: with a canceled error.
	CancelledByRequest End = "cancelled"
	// Terminated: from outside, so that its code could do nothing.
	Terminated End = "terminated"
)

// NewSaga returns an order that has not been placed.
func NewSaga(scenario *Scenario) *Saga {
	return &Saga{
		Scenario: scenario, Trace: &Trace{began: time.Now()},
		calls: map[string]int{}, onCall: func(string, int, bool) {},
	}
}

// count numbers a call of an activity, and says in which run it is made.
func (s *Saga) count(activity string) (number, run int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[activity]++
	return s.calls[activity], s.run
}

// begin starts the next run. OnCall hears of its calls.
func (s *Saga) begin(onCall func(activity string, call int, answered bool)) (run int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run++
	s.onCall = onCall
	return s.run
}

func (s *Saga) reach(activity string, call int, answered bool) {
	s.mu.Lock()
	heard := s.onCall
	s.mu.Unlock()
	heard(activity, call, answered)
}

// Ended notes how the order's workflow ended; err is that of its result.
func (s *Saga) Ended(err error) {
	s.End = endOf(err)
	s.Trace.add(Entry{Kind: Ended, Run: s.run, Text: string(s.End)})
}
