package discovery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
)

// agent is what a heartbeat needs of Consul.
type agent interface {
	announce(ctx context.Context, instance Instance) error
	beat(ctx context.Context, instance Instance) error
	withdraw(ctx context.Context, instance Instance) error
}

// Register announces the instance and keeps its check passing by a heartbeat.
// When the agent has forgotten the instance (a development agent does at each
// restart), the next heartbeat, within a second, registers it again.
func (c *Consul) Register(ctx context.Context, instance Instance) (Registration, error) {
	return register(ctx, c, instance, c.cfg.heartbeatEvery(), c.log)
}

func register(ctx context.Context, a agent, instance Instance, every time.Duration, log *zap.Logger) (Registration, error) {
	if err := instance.Validate(); err != nil {
		return nil, fmt.Errorf("registering: %w", err)
	}
	if err := a.announce(ctx, instance); err != nil {
		return nil, err
	}
	beating, stop := context.WithCancel(context.WithoutCancel(ctx))
	h := &heartbeat{
		agent:    a,
		instance: instance,
		log:      log.With(zap.String("service", instance.Name), zap.String("registeredId", instance.ID)),
		stop:     stop,
		stopped:  make(chan struct{}),
	}
	go h.run(beating, every)
	return h, nil
}

// heartbeat is the Registration of one instance.
type heartbeat struct {
	agent    agent
	instance Instance
	log      *zap.Logger
	failing  bool // the last heartbeat failed; only run touches it

	once    sync.Once
	stop    context.CancelFunc
	stopped chan struct{}
}

// Deregister ends the heartbeat and then takes the instance out of Consul, in
// this order: a late heartbeat would otherwise register it again.
func (h *heartbeat) Deregister(ctx context.Context) (err error) {
	h.once.Do(func() {
		h.stop()
		<-h.stopped
		err = h.agent.withdraw(ctx, h.instance)
	})
	return err
}

func (h *heartbeat) run(ctx context.Context, every time.Duration) {
	defer close(h.stopped)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			h.beatOnce(ctx)
		}
	}
}

// beatOnce sends one heartbeat and registers again when the agent does not know
// the instance. It logs only changes: an agent that is away for long would
// otherwise fill the log.
func (h *heartbeat) beatOnce(ctx context.Context) {
	err := h.agent.beat(ctx, h.instance)
	if errors.Is(err, errForgotten) {
		if err = h.agent.announce(ctx, h.instance); err == nil {
			h.log.Info("registered again: the Consul agent had forgotten the instance")
		}
	}
	switch {
	case ctx.Err() != nil:
	case err != nil && !h.failing:
		h.failing = true
		h.log.Warn("heartbeat to Consul failed; trying on", zap.Error(err))
	case err == nil && h.failing:
		h.failing = false
		h.log.Info("heartbeat to Consul works again")
	}
}
