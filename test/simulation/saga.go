package simulation

import (
	"slices"
	"sync"
	"time"

	"orderflow/workflows/contract"
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
	// settled are the compensations that operators have skipped or resolved, and
	// settledIn the runs in which they did.
	settled   []contract.Settlement
	settledIn []int
	// placed says that a real server plays it.
	placed bool
	// calling is closed with the first call.
	calling chan struct{}
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
		calls: map[string]int{}, onCall: func(string, int, bool) {}, calling: make(chan struct{}),
	}
}

// Calling is closed when the order has made its first call.
func (s *Saga) Calling() <-chan struct{} { return s.calling }

// count numbers a call of an activity, and says in which run it is made.
func (s *Saga) count(activity string) (number, run int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.calls) == 0 {
		close(s.calling)
	}
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

// Placed begins the one run of a saga that is played on a real server. At their
// moments, send sends the scenario's messages to the order's workflow and waits
// for the answer. Where there is no delay, the call that has come to the moment
// waits with it, and so do later calls of the same activity: on a busy machine
// the server may have given the first one up by then.
func (s *Saga) Placed(send func(Message) error) {
	tell := func(message Message) {
		told := " accepted"
		if err := send(message); err != nil {
			told = " refused: " + typeOf(err)
		}
		s.Trace.add(Entry{Kind: Told, Run: s.run, Text: message.Update + told})
	}
	s.placed = true
	once := make([]sync.Once, len(s.Scenario.Messages))
	s.begin(func(activity string, call int, answered bool) {
		for i, message := range s.Scenario.Messages {
			at := message.At
			switch {
			case at.Activity != activity || at.Answered != answered || call < at.Call:
			case at.Delay == 0:
				once[i].Do(func() { tell(message) })
			case call == at.Call:
				time.AfterFunc(at.Delay, func() { tell(message) })
			}
		}
	})
	s.Trace.add(Entry{Kind: Began, Run: s.run})
}

// leftOver reports whether a call is that of an attempt which a server had
// handed to a worker just before it heard that its step was cancelled. The
// compensation may come first then, and the fence keeps the attempt out.
func (s *Saga) leftOver(call Entry) bool {
	return s.placed && call.Call > 1 && slices.ContainsFunc(s.Scenario.Messages, func(m Message) bool {
		return m.Update == contract.UpdateCancel && m.At.Activity == call.Activity
	})
}

func (s *Saga) reach(activity string, call int, answered bool) {
	s.mu.Lock()
	heard := s.onCall
	s.mu.Unlock()
	heard(activity, call, answered)
}

// settle notes an operator's word that a run has accepted.
func (s *Saga) settle(run int, word contract.Settlement) {
	s.settled, s.settledIn = append(s.settled, word), append(s.settledIn, run)
}

// Ended notes how the workflow of a saga that was Placed has ended; err is that
// of its result.
func (s *Saga) Ended(err error) {
	s.End = endOf(err)
	s.Trace.add(Entry{Kind: Ended, Run: s.run, Text: string(s.End)})
}
