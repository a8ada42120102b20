package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Driver makes the faults of a schedule happen.
type Driver struct {
	settings Settings
	schedule []Fault
	deck     *Deck
	journal  *Journal
	breaches *Breaches
	tools    Tools

	// Set by Drive, before the first fault.
	system *System
	load   *Load
	points *PointLog
	began  time.Time

	mu     sync.Mutex
	aimed  []Fault // wait for their turn
	last   int     // number of a fault
	armed  []*Encounter
	called map[string]int // calls by step
	kept   map[keptCall]bool

	pointNumber atomic.Int64
	healed      chan struct{} // closed when nothing more may break
}

// Tools are what only some machines have. The reason says why one is nil.
type Tools struct {
	RestartDatabase func(ctx context.Context) error
	NoRestart       string
	Disk            *Disk
	NoDisk          string
}

// lacks is the reason why the machine cannot do a kind of aimed fault; "" when
// it can.
func (t Tools) lacks(aim Aim) string {
	switch {
	case aim == KillDatabase && t.RestartDatabase == nil:
		return t.NoRestart
	case aim == FillDisk && t.Disk == nil:
		return t.NoDisk
	default:
		return ""
	}
}

// Cells are those that can happen on a database and this machine.
func (t Tools) Cells(database string) []Cell {
	return slices.DeleteFunc(Cells(database), func(c Cell) bool { return t.lacks(c.Aim) != "" })
}

// NewDriver returns a driver whose Meet can be given to wires.
func NewDriver(settings Settings, schedule []Fault, deck *Deck, tools Tools, journal *Journal, breaches *Breaches) *Driver {
	return &Driver{
		settings: settings, schedule: schedule, deck: deck, tools: tools, journal: journal, breaches: breaches,
		last: len(schedule), called: map[string]int{}, kept: map[keptCall]bool{}, healed: make(chan struct{}),
	}
}

// lanes is how many aimed faults are on their way at once. A defect is provoked
// by faults that may wait for what never comes.
func (s Settings) lanes() int {
	if s.Defect != "" {
		return 4
	}
	return 2
}

// Drive makes every fault happen at its time, and returns when the time for
// faults is over and each has healed.
func (d *Driver) Drive(ctx context.Context, system *System, load *Load, points *PointLog) {
	d.system, d.load, d.points, d.began = system, load, points, time.Now()
	faulting, heal := context.WithCancel(ctx)
	defer heal()
	var running sync.WaitGroup
	for _, fault := range d.schedule {
		if fault.Way == Aimed {
			d.aimed = append(d.aimed, fault)
			continue
		}
		running.Go(func() {
			if d.awaitTurn(faulting, fault) {
				d.begin(faulting, fault)
			} else {
				d.journal.Skip(fault, timeIsOver)
			}
		})
	}
	for range d.settings.lanes() {
		running.Go(func() { d.lane(faulting) })
	}
	d.awaitOver(ctx)
	close(d.healed)
	heal()
	running.Wait()
	for _, fault := range d.aimed {
		d.journal.Skip(fault, timeIsOver)
	}
}

// awaitOver waits for the end of the time for faults.
func (d *Driver) awaitOver(ctx context.Context) {
	lasts := float64(d.settings.Lasts)
	over, atMost := time.After(time.Duration(lasts*faulty)), time.After(time.Duration(lasts*mostFaulty))
	select {
	case <-over:
	case <-ctx.Done():
	}
	for d.journal.Happened() < d.settings.AtLeast {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-atMost:
			return
		case <-ctx.Done():
			return
		}
	}
}

const timeIsOver = "the time for faults was over"

// awaitTurn waits for the time of a fault; false says that faults are over.
func (d *Driver) awaitTurn(ctx context.Context, fault Fault) bool {
	select {
	case <-time.After(time.Until(d.began.Add(fault.At))):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// begin does a fault that is not aimed.
func (d *Driver) begin(ctx context.Context, fault Fault) {
	if fault.Way == FullDisk && d.tools.Disk == nil {
		d.journal.Skip(fault, d.tools.NoDisk)
		return
	}
	d.journal.Begin(fault)
	d.journal.End(fault, d.unaimed(ctx, fault))
}

// lane does one aimed fault after the other, with time to heal between them.
func (d *Driver) lane(ctx context.Context) {
	for {
		fault, found := d.next()
		if !found {
			return
		}
		if !d.awaitTurn(ctx, fault) {
			d.journal.Skip(fault, timeIsOver)
			return
		}
		aim := fault.Cells[0].Aim
		if reason := d.tools.lacks(aim); reason != "" {
			d.journal.Skip(fault, reason)
			continue
		}
		meetings, met := d.encounter(ctx, fault)
		if !met && ctx.Err() != nil {
			d.journal.Skip(fault, timeIsOver)
			return
		}
		d.journal.Met(fault, meetings)
		d.replace(meetings)
		d.heal(ctx, aim)
	}
}

func (d *Driver) next() (Fault, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.aimed) == 0 {
		return Fault{}, false
	}
	fault := d.aimed[0]
	d.aimed = d.aimed[1:]
	return fault, true
}

// replace puts missed cells back into the deck, and draws another fault for one
// that has reached none.
func (d *Driver) replace(meetings []Meeting) {
	reached := false
	for _, meeting := range meetings {
		if meeting.Reached {
			reached = true
		} else {
			d.deck.Missed(meeting.Cell)
		}
	}
	if reached {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if cells := d.deck.Deal(); cells != nil {
		d.last++
		d.aimed = append(d.aimed, Fault{Number: d.last, Way: Aimed, Cells: cells, At: time.Since(d.began)})
	}
}

// encounter arms a fault, and returns when it is over; met says whether it has
// come to anything.
func (d *Driver) encounter(ctx context.Context, fault Fault) (meetings []Meeting, met bool) {
	if fault.Cells[0].Aim == PanicActivity {
		d.journal.Begin(fault)
		meeting := d.breakActivity(ctx, fault)
		return []Meeting{meeting}, meeting.Reached
	}
	d.mu.Lock()
	e := newEncounter(fault, d.called)
	d.armed = append(d.armed, e)
	d.mu.Unlock()
	select {
	case <-e.begun:
	case <-time.After(metWithin):
	case <-ctx.Done():
	}
	inVain := e.give()
	if !inVain {
		<-e.struck
		e.calls.Wait()
	}
	d.mu.Lock()
	d.armed = slices.DeleteFunc(d.armed, func(other *Encounter) bool { return other == e })
	d.mu.Unlock()
	return e.meetings(), !inVain
}

// Meet gives a call to the first fault that is aimed at its step.
func (d *Driver) Meet(call Call) (handled bool) {
	if d.isKept(call) {
		breakOff()
	}
	e, meeting, first := d.join(call)
	if meeting == nil {
		return false
	}
	defer e.calls.Done()
	if first {
		d.journal.Begin(e.fault)
	}
	if !e.aim().gathers() {
		e.strike(func() error { return nil }) // there is nothing to wait for
		d.strike(call, e, meeting)
		return true
	}
	if first {
		ctx := context.WithoutCancel(call.Request.Context())
		e.calls.Go(func() {
			d.wait(ctx, struckAfter)
			e.strike(func() error { return d.breakShared(ctx, e.aim()) })
		})
	}
	d.hold(call, e, meeting)
	return true
}

func (d *Driver) join(call Call) (e *Encounter, meeting *Meeting, first bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.called[call.Effect.Step]++
	for _, e := range d.armed {
		if meeting, first := e.join(call.Effect.Step, orderOf(call)); meeting != nil {
			return e, meeting, first
		}
	}
	return nil, nil, false
}

// Called is how often each step was called, in a line.
func (d *Driver) Called() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var counts []string
	for _, effect := range Effects() {
		counts = append(counts, fmt.Sprintf("%s %d", effect.Step, d.called[effect.Step]))
	}
	return strings.Join(counts, ", ")
}

// pointName is one that no other fail point has.
func (d *Driver) pointName() string { return fmt.Sprintf("point-%d", d.pointNumber.Add(1)) }

// heal waits until what an aimed fault has ended runs again.
func (d *Driver) heal(ctx context.Context, aim Aim) {
	ctx, cancel := context.WithTimeout(ctx, healedWithin)
	defer cancel()
	switch aim {
	case KillWorker:
		_ = d.system.Supervisor().WaitReady(ctx, worker) // the end of the run asks for more
	case KillService, KillGateway, KillTemporal, KillConsul, KillDatabase:
		_ = d.system.WaitHealthy(ctx)
	default:
	}
}

// kill ends a process.
func (d *Driver) kill(ctx context.Context, name string) error {
	//nolint:contextcheck // Kill bounds itself, and a victim half killed helps nobody
	return whenItRuns(ctx, func() error { return d.system.Supervisor().Kill(name) })
}

// whenItRuns does something to a process, and waits for one that is being
// restarted.
func whenItRuns(ctx context.Context, do func() error) error {
	ctx, cancel := context.WithTimeout(ctx, runsAgainWithin)
	defer cancel()
	for {
		err := do()
		if err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

const (
	// runsAgainWithin is how long a fault waits for its victim to run.
	runsAgainWithin = 10 * time.Second
	// healedWithin bounds the pause after a fault.
	healedWithin = 8 * time.Second
)
