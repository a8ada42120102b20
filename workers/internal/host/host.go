// Package host puts workflows and activities on their task queues.
//
// The order queue's worker runs the workflows and, inside their tasks, the
// fast local activities of every step. Each downstream service has a queue and
// a worker of its own for the durable way: its slots are the wall that keeps a
// sick service's retries from taking anybody else's place. On the fast way,
// whose slots are everybody's, the entrance of each service is that wall. The
// package has no rules of the saga.
package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"go.uber.org/zap"

	"orderflow/internal/chassis"
	"orderflow/internal/config"
	"orderflow/internal/discovery"
	"orderflow/internal/payloadcodec"
	"orderflow/internal/rpc"
	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
	"orderflow/workflows"
	"orderflow/workflows/contract"
)

// Build connects to Temporal, makes sure that the search attributes and the
// schedule of Reconcile exist and prepares one worker for each queue. The workers poll while the parts'
// background work runs.
func Build(ctx context.Context, cfg Settings, process chassis.Config, t *telemetry.Telemetry) (parts chassis.Parts, err error) {
	var opened closers
	defer func() {
		if err != nil {
			err = errors.Join(err, opened.close())
		}
	}()

	calls, err := cfg.Service.Authorizer("workers", process.Mode, nil)
	if err != nil {
		return chassis.Parts{}, err
	}
	codec, err := payloadcodec.Open(cfg.Payloads.Keys)
	if err != nil {
		return chassis.Parts{}, config.Wrong("payload-keys", "%v", err)
	}
	server, err := temporalclient.Configured(cfg.Temporal, codec)
	if err != nil {
		return chassis.Parts{}, err
	}
	connected, err := temporalclient.Dial(ctx, server, t)
	if err != nil {
		return chassis.Parts{}, err
	}
	opened.add(func() error { connected.Close(); return nil })
	if err := registerSearchAttributes(ctx, connected, cfg.Temporal.Namespace); err != nil {
		return chassis.Parts{}, err
	}
	if err := scheduleReconcile(ctx, connected, cfg); err != nil {
		return chassis.Parts{}, err
	}

	resolver, err := discovery.Open(cfg.Lookup.Discovery(process.Consul), t.Log)
	if err != nil {
		return chassis.Parts{}, fmt.Errorf("preparing discovery: %w", err)
	}
	opened.add(resolver.Close)
	holds := newHolds(connected, t.Log)
	guards := new(rpc.Guards)
	options := []rpc.Option{rpc.WithGuards(guards), rpc.WithAuthorizer(calls)}
	services := newServices(cfg, resolver, connected, codec, holds, options, t, &opened)

	// The cache is one for the process; a worker alone cannot set it.
	worker.SetStickyWorkflowCacheSize(cfg.StickyCache)
	fleet := &fleet{log: t.Log, drain: cfg.DrainWorkers, failed: make(chan error, len(cfg.Queues))}
	for _, queue := range cfg.Queues {
		w, err := newWorker(ctx, connected, queue, cfg, services, fleet.fail)
		if err != nil {
			return chassis.Parts{}, err
		}
		fleet.workers = append(fleet.workers, w)
	}
	return chassis.Parts{
		Background: []func(context.Context) error{fleet.run, holds.watch},
		Checks: map[string]func(context.Context) error{
			"temporal": func(ctx context.Context) error {
				return temporalclient.Check(ctx, connected, cfg.Temporal.Namespace)
			},
		},
		Metadata: metadata(cfg),
		Guards:   guards,
		// A worker stops in three stages, each within DrainWorkers.
		StopTimeout: 3*cfg.DrainWorkers + time.Second,
		Close:       opened.close,
	}, nil
}

// metadata is what Consul shows of the process.
func metadata(cfg Settings) map[string]string {
	shown := map[string]string{"queues": strings.Join(cfg.Queues, ",")}
	if version := cfg.version().String(); version != "" {
		shown["deployment"] = version
	}
	return shown
}

func newWorker(ctx context.Context, connected client.Client, queue string, cfg Settings, services *services, fail func(error)) (worker.Worker, error) {
	options := worker.Options{
		TaskQueueActivitiesPerSecond: cfg.queue(queue).Rate,
		WorkerStopTimeout:            cfg.DrainWorkers,
		DisableWorkflowWorker:        queue != contract.QueueOrders,
		DeploymentOptions:            cfg.version().WorkerOptions(),
		Interceptors:                 []interceptor.WorkerInterceptor{&fastWayMark{}},
		OnFatalError:                 func(err error) { fail(fmt.Errorf("worker of queue %s: %w", queue, err)) },
	}
	offerFailPoints(ctx, &options)
	cfg.poll(&options)
	if err := cfg.supplySlots(queue, &options); err != nil {
		return nil, err
	}
	w := worker.New(connected, queue, options)
	if queue == contract.QueueOrders {
		// An order ends on the version that it began on, whatever the default.
		w.RegisterWorkflowWithOptions(workflows.PlaceOrder, workflow.RegisterOptions{
			Name: contract.PlaceOrder, VersioningBehavior: workflow.VersioningBehaviorPinned,
		})
		// A hold lasts as long as it has to, across versions.
		for name, hold := range map[string]any{
			contract.HoldDependency: workflows.HoldDependency, contract.ReleaseDependency: workflows.ReleaseDependency,
		} {
			w.RegisterWorkflowWithOptions(hold, workflow.RegisterOptions{
				Name: name, VersioningBehavior: workflow.VersioningBehaviorAutoUpgrade,
			})
		}
		// A round that has begun ends on its version; the next one is soon.
		w.RegisterWorkflowWithOptions(workflows.Reconcile, workflow.RegisterOptions{
			Name: contract.Reconcile, VersioningBehavior: workflow.VersioningBehaviorPinned,
		})
		w.RegisterActivity(services.reconciliation)
		// The fast way of every step runs here.
		for _, activities := range services.all() {
			w.RegisterActivity(activities)
		}
		return w, nil
	}
	w.RegisterActivity(services.on(queue))
	return w, nil
}

// fleet is the process's workers.
type fleet struct {
	workers []worker.Worker
	drain   time.Duration
	log     *zap.Logger
	failed  chan error
}

func (f *fleet) fail(err error) { f.failed <- err }

// run polls until ctx ends, then finishes what is in flight.
func (f *fleet) run(ctx context.Context) error {
	defer f.stop()
	for _, w := range f.workers {
		if err := w.Start(); err != nil {
			return fmt.Errorf("starting a worker: %w", err)
		}
	}
	f.log.Info("polling", zap.Int("queues", len(f.workers)))
	select {
	case <-ctx.Done():
		return nil
	case err := <-f.failed:
		return err
	}
}

func (f *fleet) stop() {
	f.log.Info("draining", zap.Duration("drainWorkers", f.drain))
	var stopping sync.WaitGroup
	for _, w := range f.workers {
		stopping.Go(w.Stop)
	}
	stopping.Wait()
}
