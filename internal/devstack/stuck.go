package devstack

import (
	"context"
	"strings"
	"sync"
	"time"
)

// On an overloaded machine the development server can lose its database for
// good: callers give up, SQLite interrupts their statements, and the
// interruption stays, as it does while any statement of the connection is open
// (sqlite3_interrupt). From then on "interrupted (9)" is the answer to every
// question. A restart helps, and loses nothing: the database is a file.
const stuckAnswer = "interrupted (9)"

const (
	stuckPoll    = 2 * time.Second
	stuckTimeout = 5 * time.Second
	// stuckAnswers is how often in a row the server must say so: once may be the
	// one question that was interrupted.
	stuckAnswers = 4
)

// stuckWatch asks a server how it is, and ends it when it is stuck, so that the
// supervisor starts it again. A server that is silent is left alone: it may be
// busy, or stopped on purpose.
type stuckWatch struct {
	ask func(ctx context.Context) error
	end func() error

	cancel   context.CancelFunc
	watching sync.WaitGroup
}

// watchTemporal begins to watch the development server. Stop it.
func (s *Stack) watchTemporal() *stuckWatch {
	watch := &stuckWatch{ask: s.temporalAnswers, end: func() error { return s.supervisor.Kill(temporalProcess) }}
	watch.start()
	return watch
}

func (w *stuckWatch) start() {
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	w.watching.Go(func() { w.watch(ctx) })
}

func (w *stuckWatch) stop() {
	w.cancel()
	w.watching.Wait()
}

func (w *stuckWatch) watch(ctx context.Context) {
	for stuck := 0; ; {
		select {
		case <-time.After(stuckPoll):
		case <-ctx.Done():
			return
		}
		if !w.isStuck(ctx) {
			stuck = 0
			continue
		}
		if stuck++; stuck == stuckAnswers {
			_ = w.end() // if it has ended by itself, so much the better
			stuck = 0
		}
	}
}

func (w *stuckWatch) isStuck(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, stuckTimeout)
	defer cancel()
	err := w.ask(ctx)
	return err != nil && strings.Contains(err.Error(), stuckAnswer)
}
