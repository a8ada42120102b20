package internal

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// Times of a Loop.
const (
	// poll is the longest time between two runs. Polling is the truth; being
	// woken only makes it faster.
	poll = time.Second
	// spacing is the shortest time between two runs. Under load it lets
	// messages gather, so that many share a transaction.
	spacing = 50 * time.Millisecond
	// drainTime is how long a loop goes on after it was told to end.
	drainTime = 3 * time.Second
)

// Loop runs a Deliverer until the end of the process. Make one for each
// process.
type Loop struct {
	runOnce func(ctx context.Context) (more bool, err error)
	log     *zap.Logger
	wake    chan struct{}
}

// NewLoop returns the loop over Deliverer.RunOnce.
func NewLoop(runOnce func(ctx context.Context) (more bool, err error), log *zap.Logger) *Loop {
	return &Loop{runOnce: runOnce, log: log, wake: make(chan struct{}, 1)}
}

// Wake says that there may be something due. It never blocks.
func (l *Loop) Wake() {
	select {
	case l.wake <- struct{}{}:
	default: // it is awake already
	}
}

// Run runs until ctx ends, delivers what is due by then, and returns nil. The
// run that is under way when ctx ends is not cut off, but it and the last ones
// get no more than drainTime.
func (l *Loop) Run(ctx context.Context) error {
	work, stop := outlive(ctx, drainTime)
	defer stop()
	for ctx.Err() == nil {
		more, failed := l.run(work)
		switch {
		case failed:
			sleep(ctx, poll, nil)
		case !more:
			sleep(ctx, spacing, nil)
			sleep(ctx, poll, l.wake)
		}
	}
	for more, failed := true, false; more && !failed; {
		more, failed = l.run(work)
	}
	return nil
}

func (l *Loop) run(ctx context.Context) (more, failed bool) {
	more, err := l.runOnce(ctx)
	if err != nil && ctx.Err() == nil {
		l.log.Warn("delivering messages failed", zap.Error(err))
	}
	return more, err != nil
}

// outlive returns a context that ends a while after ctx.
func outlive(ctx context.Context, while time.Duration) (longer context.Context, stop context.CancelFunc) {
	longer, stop = context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(while, stop)
		context.AfterFunc(longer, func() { timer.Stop() })
	})
	return longer, stop
}

func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
}
