package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"orderflow/workflows/contract"
)

const (
	// askAgain is how long an order waits for the release of a dependency
	// before it asks again, in case the message was lost with its sender.
	askAgain = 6 * time.Hour
	// staleHold is how long a worker may go on refusing calls to a dependency
	// that was released. When it does so for longer, the pauses double up to
	// staleLongest, so that they do not fill the order's history.
	staleHold    = 5 * time.Second
	staleLongest = 5 * time.Minute
)

// dependency is what an order knows of a service that may be on hold.
type dependency struct {
	// releases is how often it was released.
	releases int
	// stale is the pause after its next refusal while nobody holds it.
	stale time.Duration
}

// dependency returns that of the service behind a task queue.
func (s *saga) dependency(service string) *dependency {
	if s.dependencies[service] == nil {
		s.dependencies[service] = &dependency{stale: staleHold}
	}
	return s.dependencies[service]
}

// heard takes in whether a call has got through to its service, and returns the
// call's error.
func (s *saga) heard(name string, err error) error {
	if !onHold(err) {
		s.dependency(queueOf[name]).stale = staleHold
	}
	return err
}

// onHold reports whether a call was refused because an operator has put the
// service on hold.
func onHold(err error) bool {
	var application *temporal.ApplicationError
	return errors.As(err, &application) && application.Type() == contract.ErrorOnHold
}

// patiently makes a call again for as long as its service is on hold. Each
// call starts the step's clock anew.
func (s *saga) patiently(ctx workflow.Context, name string, call func() error) error {
	return s.patientlyFor(ctx, name, 0, call)
}

// patientlyFor is patiently, but gives up after so many waits; 0 never does.
func (s *saga) patientlyFor(ctx workflow.Context, name string, most int, call func() error) error {
	for waits := 1; ; waits++ {
		err := call()
		if !onHold(err) || ctx.Err() != nil || most > 0 && waits > most {
			return err
		}
		s.awaitDependency(ctx, name)
	}
}

// awaitDependency waits until the service behind a task queue is released. The
// clocks of the step and of the order stand still meanwhile.
func (s *saga) awaitDependency(ctx workflow.Context, name string) {
	service, row := queueOf[name], s.progress.rowOf(name)
	s.progress.waiting[row] = service + " is on hold"
	s.progress.publish(s.backward)
	s.deadline.stopClock(ctx)
	held := s.dependency(service)
	before := held.releases
	asked := workflow.SignalExternalWorkflow(ctx, contract.HoldID(service), "", contract.SignalAwaitRelease, s.in.OrderID).Get(ctx, nil)
	if ctx.Err() != nil {
		asked = nil // nothing was heard of the hold
	}
	wait, summary := askAgain, "Wait for release: "+service
	if asked == nil {
		held.stale = staleHold
	} else { // nobody holds it any more, and a worker does not know it yet
		wait, summary = held.stale, "Wait a moment: "+service+" was released"
		held.stale = min(2*held.stale, staleLongest)
	}
	pause(ctx, wait, summary, func() bool { return held.releases != before })
	delete(s.progress.waiting, row)
	s.progress.publish(s.backward)
	s.deadline.startClock(ctx)
}

// hearReleases notes which dependencies were released.
func (s *saga) hearReleases(ctx workflow.Context) {
	releases := workflow.GetSignalChannel(ctx, contract.SignalReleased)
	for {
		var service string
		releases.Receive(ctx, &service)
		s.dependency(service).releases++
	}
}
