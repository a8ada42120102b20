package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"orderflow/workflows/contract"
)

// deadline bounds the way of an order to the carrier, from the moment on which
// a step leaves the fast way. It is a timer in the workflow and leads to the
// compensations; an execution timeout would leave everything as it is.
type deadline struct {
	running bool
	passed  bool
	// The clock stands still while stops is above zero.
	stops     int
	stoppedAt time.Time
	stopped   time.Duration
}

func (d *deadline) stopClock(ctx workflow.Context) {
	if d.stops == 0 {
		d.stoppedAt = workflow.Now(ctx)
	}
	d.stops++
}

func (d *deadline) startClock(ctx workflow.Context) {
	d.stops--
	if d.stops == 0 {
		d.stopped += workflow.Now(ctx).Sub(d.stoppedAt)
	}
}

// startDeadline starts the timer, once.
func (s *saga) startDeadline() {
	if s.in.Settings.Deadline <= 0 || s.deadline.running || s.noReturn || s.cause != nil {
		return
	}
	s.deadline.running = true
	workflow.Go(s.backward, func(ctx workflow.Context) {
		began := workflow.Now(ctx).Add(-s.deadline.stopped)
		for {
			_ = workflow.Await(ctx, func() bool { return s.deadline.stops == 0 })
			ran := workflow.Now(ctx).Sub(began) - s.deadline.stopped
			if ran >= s.in.Settings.Deadline {
				break
			}
			pause(ctx, s.in.Settings.Deadline-ran, "Deadline of the order", s.pastDeadlines)
			if s.pastDeadlines() {
				return
			}
		}
		if !s.pastDeadlines() {
			s.deadline.passed = true
			s.cancelForward()
		}
	})
}

// pastDeadlines: the order has reached the carrier, or has turned back.
func (s *saga) pastDeadlines() bool {
	return s.noReturn || s.turnedBack != nil || s.progress.State != contract.SagaRunning
}
