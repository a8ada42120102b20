package chassis

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"go.uber.org/zap"

	"orderflow/internal/discovery"
)

// Between two attempts to register lie between firstRetry and lastRetry,
// doubling, with up to a fifth of jitter.
const (
	firstRetry      = 100 * time.Millisecond
	lastRetry       = 2 * time.Second
	registerTimeout = 5 * time.Second
)

// registrar registers one instance in the background until the registry
// answers, so that a service starts, and stays up, without Consul.
type registrar struct {
	registry discovery.Registry
	instance discovery.Instance
	log      *zap.Logger
	attempts sync.WaitGroup
	stop     context.CancelFunc // nil before start

	mu           sync.Mutex
	registration discovery.Registration
	failure      error
}

var errNotRegisteredYet = errors.New("not registered yet")

func newRegistrar(registry discovery.Registry, instance discovery.Instance, log *zap.Logger) *registrar {
	return &registrar{registry: registry, instance: instance, log: log, failure: errNotRegisteredYet}
}

// tell adds to the metadata that will be registered. It is for before start.
func (r *registrar) tell(name, value string) {
	metadata := map[string]string{name: value}
	maps.Copy(metadata, r.instance.Metadata)
	r.instance.Metadata = metadata
}

func (r *registrar) start(ctx context.Context) {
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	r.attempts.Go(func() { r.run(ctx) })
}

func (r *registrar) run(ctx context.Context) {
	for wait := firstRetry; ; wait = min(2*wait, lastRetry) {
		err := r.attempt(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		if wait == firstRetry {
			r.log.Warn("cannot register yet; trying again until it works", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait + rand.N(wait/5)):
		}
	}
}

func (r *registrar) attempt(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, registerTimeout)
	defer cancel()
	registration, err := r.registry.Register(ctx, r.instance)

	r.mu.Lock()
	defer r.mu.Unlock()
	r.registration, r.failure = registration, err
	if err == nil {
		r.log.Info("registered", zap.String("advertised", r.instance.Addr()))
	}
	return err
}

// check is the readiness check: why the instance is not registered, nil when
// it is.
func (r *registrar) check(context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failure
}

// close ends the attempts and takes the instance out of the registry, if it is
// in there.
func (r *registrar) close(ctx context.Context) error {
	if r.stop == nil {
		return nil
	}
	r.stop()
	r.attempts.Wait()

	r.mu.Lock()
	registration := r.registration
	r.registration, r.failure = nil, errNotRegisteredYet
	r.mu.Unlock()
	if registration == nil {
		return nil
	}
	return registration.Deregister(ctx)
}
