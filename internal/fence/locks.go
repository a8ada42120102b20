package fence

import (
	"context"
	"fmt"
	"sync"
)

// Locks serialises calls with equal keys inside one process. An effect that
// leaves the database (a payment provider, a carrier) cannot hold a
// transaction open while it is away, so the database alone does not keep two
// equal calls apart: a timed-out local activity may still run beside its
// durable twin. Between processes the provider's own idempotency key and the
// fence row decide.
//
// The zero value is ready to use.
type Locks struct {
	mu   sync.Mutex
	held map[Key]*entry
}

type entry struct {
	turn    chan struct{}
	waiters int
}

// Lock waits for the key's turn and returns its release, or the context's
// error when that ends first. Releasing again does nothing.
func (l *Locks) Lock(ctx context.Context, key Key) (release func(), err error) {
	l.mu.Lock()
	if l.held == nil {
		l.held = make(map[Key]*entry)
	}
	e := l.held[key]
	if e == nil {
		e = &entry{turn: make(chan struct{}, 1)}
		l.held[key] = e
	}
	e.waiters++
	l.mu.Unlock()

	select {
	case e.turn <- struct{}{}:
		return sync.OnceFunc(func() {
			<-e.turn
			l.leave(key, e)
		}), nil
	case <-ctx.Done():
		l.leave(key, e)
		return nil, fmt.Errorf("waiting for %s: %w", key, ctx.Err())
	}
}

func (l *Locks) leave(key Key, e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.waiters--
	if e.waiters == 0 {
		delete(l.held, key)
	}
}
