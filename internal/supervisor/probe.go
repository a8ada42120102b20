package supervisor

import (
	"context"
	"errors"
	"time"
)

// probe polls a readiness function until it succeeds or its context ends.
type probe struct {
	ready chan struct{} // closed when it has succeeded
	done  chan struct{} // closed when polling is over
	last  error         // the last answer; read after done
}

func startProbe(ctx context.Context, ready func(context.Context) error) *probe {
	p := &probe{ready: make(chan struct{}), done: make(chan struct{}), last: errors.New("not probed")}
	if ready == nil {
		close(p.ready)
		close(p.done)
		return p
	}
	go p.poll(ctx, ready)
	return p
}

func (p *probe) poll(ctx context.Context, ready func(context.Context) error) {
	defer close(p.done)
	for {
		once, cancel := context.WithTimeout(ctx, probeTimeout)
		err := ready(once)
		cancel()
		if err == nil {
			close(p.ready)
			return
		}
		if ctx.Err() != nil {
			return // keep the answer from before: this one is only the end
		}
		p.last = err
		select {
		case <-time.After(probeEvery):
		case <-ctx.Done():
			return
		}
	}
}
