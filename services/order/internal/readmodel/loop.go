package readmodel

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"
)

// LoopConfig says when a Loop runs its projector. Zero fields take their
// defaults.
type LoopConfig struct {
	// Poll is the longest time between two runs, and the time to wait after a
	// failed one. It is what finds the events of other processes. Default 1 s.
	Poll time.Duration
	// Spacing is the shortest time from one run to the next. Under load it
	// lets events gather, so that one transaction projects many. Default 5 ms.
	Spacing time.Duration
}

const (
	defaultPoll    = time.Second
	defaultSpacing = 5 * time.Millisecond
)

// Loop keeps the live generation up to date. Make one for each process.
type Loop struct {
	runOnce func(ctx context.Context) (more bool, err error)
	cfg     LoopConfig
	log     *zap.Logger
	wake    chan struct{}

	mu      sync.Mutex
	failure error
}

// NewLoop returns the loop over Projector.RunOnce.
func NewLoop(runOnce func(ctx context.Context) (more bool, err error), cfg LoopConfig, log *zap.Logger) *Loop {
	if cfg.Poll <= 0 {
		cfg.Poll = defaultPoll
	}
	if cfg.Spacing <= 0 {
		cfg.Spacing = defaultSpacing
	}
	return &Loop{runOnce: runOnce, cfg: cfg, log: log, wake: make(chan struct{}, 1)}
}

// Wake says that there are new events. It never blocks.
func (l *Loop) Wake() {
	select {
	case l.wake <- struct{}{}:
	default: // it is awake already
	}
}

// Check returns why the last run failed, nil when it did not. For readiness: a
// read model that cannot move on shows old answers.
func (l *Loop) Check(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure
}

// Run runs the projector until ctx ends, then returns nil. A failed run is
// tried again after Poll, whatever wakes it meanwhile.
func (l *Loop) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		l.step(ctx)
	}
	return nil
}

// step is one run and the wait after it.
func (l *Loop) step(ctx context.Context) {
	more, err := l.runOnce(ctx)
	if ctx.Err() != nil {
		return
	}
	l.record(err)
	switch {
	case err != nil:
		l.sleep(ctx, l.cfg.Poll, nil)
	case more:
	default:
		l.sleep(ctx, l.cfg.Spacing, nil)
		l.sleep(ctx, l.cfg.Poll, l.wake)
	}
}

func (l *Loop) sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
}

// record keeps the outcome and logs it where it differs from the last one.
func (l *Loop) record(err error) {
	l.mu.Lock()
	before := l.failure
	l.failure = err
	l.mu.Unlock()

	var poison *PoisonError
	switch {
	case err == nil && before != nil:
		l.log.Info("projector goes on")
	case err == nil || (before != nil && before.Error() == err.Error()):
	case errors.As(err, &poison):
		l.log.Error("projector stopped at a poison event", zap.Int64("position", poison.Position), zap.Error(poison.Err))
	default:
		l.log.Warn("projector failed", zap.Error(err))
	}
}
