package chaos

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Driver makes the faults of a schedule happen.
type Driver struct {
	settings Settings
	schedule []Fault
	journal  *Journal
	breaches *Breaches
	tools    Tools

	// Set by Drive, before the first fault.
	system *System
	load   *Load

	mu     sync.Mutex
	armed  []Fault // wait for the call that they are aimed at
	kept   map[keptCall]bool
	stray  sync.WaitGroup
	healed chan struct{} // closed when nothing more may break
}

// Tools are what only some machines have. A nil one skips its fault, for the
// reason that Missing gives.
type Tools struct {
	RestartDatabase func(ctx context.Context) error
	Disk            *Disk
	Missing         map[Way]string
}

// NewDriver returns a driver whose Meet can be given to wires.
func NewDriver(settings Settings, schedule []Fault, tools Tools, journal *Journal, breaches *Breaches) *Driver {
	return &Driver{
		settings: settings, schedule: schedule, tools: tools, journal: journal, breaches: breaches, healed: make(chan struct{}),
		kept: map[keptCall]bool{},
	}
}

// Drive makes every fault happen at its time, and returns when the time for
// faults is over and each has healed.
func (d *Driver) Drive(ctx context.Context, system *System, load *Load) {
	d.system, d.load = system, load
	began := time.Now()
	over := time.NewTimer(time.Duration(float64(d.settings.Lasts) * faulty))
	defer over.Stop()
	faulting, heal := context.WithCancel(ctx)
	defer heal()
	var running sync.WaitGroup
	for _, fault := range d.schedule {
		select {
		case <-time.After(time.Until(began.Add(fault.At))):
		case <-ctx.Done():
		}
		running.Go(func() { d.begin(faulting, fault) })
	}
	select {
	case <-over.C:
	case <-ctx.Done():
	}
	close(d.healed)
	heal()
	running.Wait()
	d.disarm()
	d.stray.Wait()
}

// begin does a fault, or arms it.
func (d *Driver) begin(ctx context.Context, fault Fault) {
	if fault.Way == Aimed {
		if fault.Cell.Aim == KillDatabase && d.tools.RestartDatabase == nil {
			d.journal.Skip(fault, d.tools.Missing[Aimed])
			return
		}
		d.mu.Lock()
		d.armed = append(d.armed, fault)
		d.mu.Unlock()
		return
	}
	if reason := d.tools.Missing[fault.Way]; reason != "" {
		d.journal.Skip(fault, reason)
		return
	}
	d.journal.Begin(fault, "")
	err := d.unaimed(ctx, fault)
	d.journal.End(fault, err)
}

// Meet takes the first fault that is aimed at the call's step, and does it.
func (d *Driver) Meet(call Call) (handled bool) {
	if d.isKept(call) {
		breakOff()
	}
	fault, found := d.take(call.Effect.Step)
	if !found {
		return false
	}
	d.stray.Add(1)
	defer d.stray.Done()
	d.journal.Begin(fault, orderOf(call))
	finished := false
	defer func() {
		if !finished { // the connection was broken off
			d.journal.End(fault, nil)
		}
	}()
	err := d.strike(call, fault)
	finished = true
	d.journal.End(fault, err)
	return true
}

func (d *Driver) take(step string) (Fault, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := slices.IndexFunc(d.armed, func(f Fault) bool { return f.Cell.Step == step })
	if at < 0 {
		return Fault{}, false
	}
	fault := d.armed[at]
	d.armed = slices.Delete(d.armed, at, at+1)
	return fault, true
}

// disarm gives up what no call has met.
func (d *Driver) disarm() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, fault := range d.armed {
		d.journal.Skip(fault, "no call of its step came in time")
	}
	d.armed = nil
}

// kill ends a process. One that is being restarted is waited for.
func (d *Driver) kill(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, runsAgainWithin)
	defer cancel()
	for {
		err := d.system.Supervisor().Kill(name) //nolint:contextcheck // it bounds itself, and a victim half killed helps nobody
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

// runsAgainWithin is how long a fault waits for its victim to run.
const runsAgainWithin = 10 * time.Second
