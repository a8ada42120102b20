package chaos

import (
	"slices"
	"sync"
	"time"
)

// Encounter is an aimed fault on its way: armed, it waits for the calls of its
// cells. A fault with one cell strikes the call itself. One with several holds
// what comes within a moment, each call at its place, and then strikes once.
type Encounter struct {
	fault Fault
	armed time.Time
	// begun closes when the first call is met, striking when the fault happens,
	// and struck when it has: then the calls go on.
	begun, striking, struck chan struct{}
	calls                   sync.WaitGroup // that were met

	mu    sync.Mutex
	open  []Cell // not met yet, the most seldom step first
	since time.Time
	met   map[Cell]*Meeting
	err   error // of the strike
}

// Meeting is a cell of a fault and the call that came to it.
type Meeting struct {
	Cell    Cell   `json:"cell"`
	OrderID string `json:"orderId,omitempty"`
	// Reached says that the fault has happened in the cell, Missed why not.
	Reached bool   `json:"reached,omitempty"`
	Missed  string `json:"missed,omitempty"`
}

const (
	// metWithin is how long a fault waits for a call.
	metWithin = 12 * time.Second
	// seldomFirst is how long it waits for the step that is called most seldom:
	// the others will join it at once.
	seldomFirst = 8 * time.Second
	// joinedWithin is how long calls join the first one, and struckAfter when
	// the fault happens then. Their callers still wait.
	joinedWithin = 500 * time.Millisecond
	struckAfter  = 650 * time.Millisecond
)

// newEncounter arms a fault. Called says how often each step was called so far.
func newEncounter(fault Fault, called map[string]int) *Encounter {
	e := &Encounter{
		fault: fault, armed: time.Now(), begun: make(chan struct{}), striking: make(chan struct{}), struck: make(chan struct{}),
		open: slices.Clone(fault.Cells), met: map[Cell]*Meeting{},
	}
	slices.SortStableFunc(e.open, func(a, b Cell) int { return called[a.Step] - called[b.Step] })
	return e
}

// aim is the kind of the fault.
func (e *Encounter) aim() Aim { return e.fault.Cells[0].Aim }

// join takes a call of a step into the encounter, if one of its cells wants it.
// The call must say Done to e.calls. First reports that it was the first one.
func (e *Encounter) join(step, orderID string) (meeting *Meeting, first bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	at := slices.IndexFunc(e.open, func(c Cell) bool { return c.Step == step })
	switch {
	case at < 0:
		return nil, false
	case e.since.IsZero():
		if at > 0 && time.Since(e.armed) < seldomFirst {
			return nil, false
		}
		e.since, first = time.Now(), true
		close(e.begun)
	case time.Since(e.since) > joinedWithin:
		return nil, false
	default:
	}
	meeting = &Meeting{Cell: e.open[at], OrderID: orderID}
	e.open = slices.Delete(e.open, at, at+1)
	e.met[meeting.Cell] = meeting
	e.calls.Add(1)
	return meeting, first
}

// reach records whether the fault has happened in a cell; missed is "" if so.
func (e *Encounter) reach(meeting *Meeting, missed string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	meeting.Reached, meeting.Missed = missed == "", missed
}

// strike does the fault, once.
func (e *Encounter) strike(act func() error) {
	close(e.striking)
	err := act()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.err = err
	close(e.struck)
}

// isStriking reports whether the fault happens, or has happened.
func (e *Encounter) isStriking() bool {
	select {
	case <-e.striking:
		return true
	default:
		return false
	}
}

// give ends the waiting unless somebody was met, and reports whether nobody was.
func (e *Encounter) give() (inVain bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if inVain = e.since.IsZero(); inVain {
		e.open = nil
	}
	return inVain
}

// meetings are the fault's cells in their order, with what became of each.
func (e *Encounter) meetings() (all []Meeting) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, cell := range e.fault.Cells {
		meeting := Meeting{Cell: cell, Missed: "no call of its step came in time"}
		if met := e.met[cell]; met != nil {
			meeting = *met
			if e.err != nil {
				meeting.Reached, meeting.Missed = false, e.err.Error()
			}
		}
		all = append(all, meeting)
	}
	return all
}
