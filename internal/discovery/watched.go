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
// others; one whose calls keep failing is ejected, see Ejection.
type Watched struct {
	source  healthSource
	balance Balance
	log     *zap.Logger
	running sync.WaitGroup
	closing func() // what is closed with it; may be nil

	mu      sync.RWMutex
	watches map[string]*watch
	closed  bool
}

var _ Balancer = (*Watched)(nil)

// Option changes how a Watched is made.
type Option func(*Watched)

// WithBalance says how the calls are spread over the instances.
func WithBalance(balance Balance) Option {
	return func(w *Watched) { w.balance = balance.withDefaults() }
}

// NewWatched returns a resolver on the registry. Close it at the end.
func NewWatched(consul *Consul, log *zap.Logger, options ...Option) *Watched {
	return newWatched(consul, log, options...)
}

func newWatched(source healthSource, log *zap.Logger, options ...Option) *Watched {
	w := &Watched{
		source:  source,
		balance: Balance{}.withDefaults(),
		log:     log,
		watches: make(map[string]*watch),
	}
	for _, option := range options {
		option(w)
	}
	return w
}

// Next returns the service's next healthy instance by the policy. The first
// question for a service waits for the registry's first answer, as long as the
// context allows; later ones do not wait. Errors are those of Resolver.
func (w *Watched) Next(ctx context.Context, service string) (Instance, error) {
	known, err := w.rotation(ctx, service)
	if err != nil {
		return Instance{}, err
	}
	instance, ok := known.next()
	if !ok {
		return Instance{}, noneOf(service)
	}
	return instance, nil
}

// Pick chooses as Next does, for a call whose end is told to the pick.
func (w *Watched) Pick(ctx context.Context, service string) (Pick, error) {
	known, err := w.rotation(ctx, service)
	if err != nil {
		return Pick{}, err
	}
	pick, ok := known.pick()
	if !ok {
		return Pick{}, noneOf(service)
	}
	return pick, nil
}

func noneOf(service string) error {
	return fmt.Errorf("resolving %s: %w", service, ErrNoAvailableInstance)
}

// rotation returns the service's rotation when it has a set.
func (w *Watched) rotation(ctx context.Context, service string) (*rotation, error) {
	watch, err := w.watch(service) //nolint:contextcheck // the watch outlives the question that starts it
	if err != nil {
		return nil, err
	}
	return watch.known(ctx)
}

// asked returns the service's watch, or nil when nobody has asked for it.
func (w *Watched) asked(service string) *watch {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.watches[service]
}

// Status is what is known of the service's instances.
func (w *Watched) Status(service string) Status {
	watch := w.asked(service)
	if watch == nil {
		return Status{Instances: []InstanceStatus{}}
	}
	return watch.rotation.status()
}

// Newest is when an instance joined the service last.
func (w *Watched) Newest(service string) time.Time {
	watch := w.asked(service)
	if watch == nil || !watch.hasInstances() {
		return time.Time{}
	}
	return watch.rotation.epoch.Add(time.Duration(watch.rotation.newest.Load()))
}

// Failed makes Next pass over the instance for a few seconds: the registry
// takes up to its check's TTL to notice that a process is gone, and every call
// to it until then is lost. When all instances are suspects, all are used.
func (w *Watched) Failed(instance Instance) {
	if watch := w.asked(instance.Name); watch != nil {
		watch.rotation.suspect(instance)
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
	if w.closing != nil {
		w.closing()
	}
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
	started := newWatch(service, w.source, w.balance, w.log, stop)
	w.watches[service] = started
	w.running.Go(func() { started.run(ctx) })
	return started, nil
}
