package discovery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
)

// errClosed is the cause why a closed Watched knows no instances.
var errClosed = errors.New("the resolver is closed")

// healthSource answers blocking queries for healthy instances.
type healthSource interface {
	// waitHealthy returns the healthy instances, ordered by ID, and the index
	// of that state. With an index it returns when the state has moved on from
	// there or, at the latest, soon after the wait.
	waitHealthy(ctx context.Context, service string, index uint64, wait time.Duration) ([]Instance, uint64, error)
}

// Watched is a Resolver that keeps the healthy instances of each service it was
// asked for in memory. One goroutine per service follows the registry from the
// first question on; Close ends them.
//
// While the registry is away, the last known instances stay in use. An instance
// that was reported by Failed is passed over for a few seconds if there are
// others.
type Watched struct {
	source  healthSource
	log     *zap.Logger
	running sync.WaitGroup
	epoch   time.Time // what suspicions count from

	mu      sync.RWMutex
	watches map[string]*watch
	closed  bool
}

var (
	_ Resolver = (*Watched)(nil)
	_ Observer = (*Watched)(nil)
)

// NewWatched returns a resolver on the registry. Close it at the end.
func NewWatched(consul *Consul, log *zap.Logger) *Watched { return newWatched(consul, log) }

func newWatched(source healthSource, log *zap.Logger) *Watched {
	return &Watched{
		source:  source,
		log:     log,
		epoch:   time.Now(),
		watches: make(map[string]*watch),
	}
}

// Next returns the service's next healthy instance by round robin. The first
// question for a service waits for the registry's first answer, as long as the
// context allows; later ones do not wait. Errors are those of Resolver.
func (w *Watched) Next(ctx context.Context, service string) (Instance, error) {
	watch, err := w.watch(service) //nolint:contextcheck // the watch outlives the question that starts it
	if err != nil {
		return Instance{}, err
	}
	known, err := watch.known(ctx)
	if err != nil {
		return Instance{}, err
	}
	instance, ok := known.next(&watch.turn, time.Since(w.epoch))
	if !ok {
		return Instance{}, fmt.Errorf("resolving %s: %w", service, ErrNoAvailableInstance)
	}
	return instance, nil
}

// Failed makes Next pass over the instance for a few seconds: the registry
// takes up to its check's TTL to notice that a process is gone, and every call
// to it until then is lost. When all instances are suspects, all are used.
func (w *Watched) Failed(instance Instance) {
	w.mu.RLock()
	watch := w.watches[instance.Name]
	w.mu.RUnlock()
	if watch == nil {
		return
	}
	if known := watch.current.Load(); known != nil {
		known.suspect(instance, time.Since(w.epoch)+suspicion)
	}
}

// Close ends all watches and waits for their end. Next fails from then on. The
// error is nil.
func (w *Watched) Close() error {
	w.mu.Lock()
	w.closed = true
	for _, watch := range w.watches {
		watch.stop()
	}
	w.mu.Unlock()
	w.running.Wait()
	return nil
}

// watch returns the service's watch, and starts it when it is the first
// question for the service.
func (w *Watched) watch(service string) (*watch, error) {
	w.mu.RLock()
	known, closed := w.watches[service], w.closed
	w.mu.RUnlock()
	switch {
	case closed:
		return nil, fmt.Errorf("resolving %s: %w: %w", service, ErrInstancesUnknown, errClosed)
	case known != nil:
		return known, nil
	default:
		return w.start(service)
	}
}

func (w *Watched) start(service string) (*watch, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, fmt.Errorf("resolving %s: %w: %w", service, ErrInstancesUnknown, errClosed)
	}
	if known := w.watches[service]; known != nil {
		return known, nil
	}
	ctx, stop := context.WithCancel(context.Background())
	started := newWatch(service, w.source, w.log, stop)
	w.watches[service] = started
	w.running.Go(func() { started.run(ctx) })
	return started, nil
}
