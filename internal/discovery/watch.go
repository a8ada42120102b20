package discovery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

const (
	// staleness is the upper bound on how long a missed change goes unnoticed:
	// a blocking query ends after it in any case.
	staleness = 30 * time.Second
	// pause is the least time between two answered queries, so that a registry
	// that changes all the time, or does not block, is not asked all the time.
	pause = 50 * time.Millisecond
	// grace is how long an empty answer is not believed when the registry may
	// have lost its memory: the instances need a heartbeat to come back.
	grace = 5 * time.Second
	// firstBackoff and lastBackoff bound the wait after a failed query.
	firstBackoff = 200 * time.Millisecond
	lastBackoff  = 5 * time.Second
)

// watch follows the healthy instances of one service.
type watch struct {
	service string
	source  healthSource
	log     *zap.Logger
	stop    context.CancelFunc // ends run

	rotation *rotation
	answered chan struct{}         // closed at the first answer
	ended    chan struct{}         // closed when nobody asks any more
	failure  atomic.Pointer[error] // of the last query, nil when it worked
}

func newWatch(service string, source healthSource, balance Balance, log *zap.Logger, stop context.CancelFunc) *watch {
	log = log.With(zap.String("service", service))
	w := &watch{
		service:  service,
		source:   source,
		log:      log,
		stop:     stop,
		rotation: &rotation{balance: balance, epoch: time.Now(), log: log},
		answered: make(chan struct{}),
		ended:    make(chan struct{}),
	}
	// Processes that start together must not all begin with the same instance.
	w.rotation.turn.Store(rand.Uint64())
	return w
}

// known returns the rotation, and waits until it has a set.
func (w *watch) known(ctx context.Context) (*rotation, error) {
	if w.rotation.current.Load() != nil {
		return w.rotation, nil
	}
	select {
	case <-w.answered:
		return w.rotation, nil
	case <-w.ended:
		return nil, fmt.Errorf("resolving %s: %w: %w", w.service, ErrInstancesUnknown, errClosed)
	case <-ctx.Done():
		if failure := w.failure.Load(); failure != nil {
			return nil, fmt.Errorf("resolving %s: %w: %w: %w", w.service, ErrInstancesUnknown, ctx.Err(), *failure)
		}
		return nil, fmt.Errorf("resolving %s: %w: %w", w.service, ErrInstancesUnknown, ctx.Err())
	}
}

// run asks until the context ends.
func (w *watch) run(ctx context.Context) {
	defer close(w.ended)
	state := watchState{}
	for ctx.Err() == nil {
		rest := w.ask(ctx, &state)
		select {
		case <-ctx.Done():
		case <-time.After(rest):
		}
	}
}

// watchState is what one query hands to the next.
type watchState struct {
	index    uint64
	failures int       // queries that failed in a row
	doubtful time.Time // until when an empty answer is not believed
}

// ask makes one query and returns how long to rest before the next.
func (w *watch) ask(ctx context.Context, state *watchState) time.Duration {
	instances, index, err := w.source.waitHealthy(ctx, w.service, state.index, state.wait())
	if ctx.Err() != nil {
		return 0
	}
	if err != nil {
		return w.askedInVain(state, err)
	}
	w.failure.Store(nil)
	if state.failures > 0 {
		w.log.Info("the registry answers again")
	}
	if state.failures > 0 || index < state.index {
		state.doubtful = time.Now().Add(grace)
	}
	state.failures = 0
	state.index = nextIndex(state.index, index)
	if len(instances) == 0 && w.hasInstances() && time.Now().Before(state.doubtful) {
		return pause
	}
	w.publish(instances)
	return pause
}

func (w *watch) askedInVain(state *watchState, err error) time.Duration {
	w.failure.Store(&err)
	if state.failures == 0 {
		w.log.Warn("the registry does not answer; the last known instances stay in use", zap.Error(err))
	}
	state.failures++
	// What comes next may be another registry, or one without its memory.
	state.index = 0
	return backoff(state.failures)
}

// wait is the bound of the next blocking query. While an empty answer is in
// doubt, it ends in time to believe it.
func (s *watchState) wait() time.Duration {
	if doubt := time.Until(s.doubtful); doubt > 0 {
		return min(doubt, staleness)
	}
	return staleness
}

// nextIndex follows Consul's rules for blocking queries: an index that goes
// backwards means that its history is another one, so begin anew; an index must
// be at least 1, or the next query would not block.
func nextIndex(last, answered uint64) uint64 {
	if answered < last {
		return 0
	}
	return max(answered, 1)
}

// backoff doubles with each failure, with a random half so that many processes
// do not all return at once.
func backoff(failures int) time.Duration {
	d := lastBackoff
	if shift := failures - 1; shift < 10 {
		d = min(firstBackoff<<shift, lastBackoff)
	}
	return d/2 + rand.N(d/2)
}

func (w *watch) hasInstances() bool {
	set := w.rotation.current.Load()
	return set != nil && len(set.members) > 0
}

// publish makes the answer current. A wake-up without a change keeps the set.
func (w *watch) publish(instances []Instance) {
	first := w.rotation.current.Load() == nil
	if !w.rotation.publish(instances) {
		return
	}
	if first {
		close(w.answered)
	}
	w.log.Info("healthy instances changed", zap.Int("instances", len(instances)))
}
