package host

import (
	"errors"
	"time"

	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"orderflow/activities"
	"orderflow/internal/discovery"
	"orderflow/internal/payloadcodec"
	"orderflow/internal/rpc"
	"orderflow/internal/telemetry"
	"orderflow/services/inventory"
	"orderflow/services/notification"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
	"orderflow/workflows/contract"
)

// services are the activities, each with one guarded client. All workers of
// the process share them, so that breaker and bulkhead see every call.
type services struct {
	byQueue map[string]any
	// reconciliation runs on the order queue. It makes few calls, one after the
	// other, and passes no entrance.
	reconciliation *activities.Reconciliation
}

func newServices(cfg Settings, resolver discovery.Resolver, temporal client.Client, codec payloadcodec.Codec, holds *holds, options []rpc.Option, t *telemetry.Telemetry, opened *closers) *services {
	guarded := make(map[string]rpc.Caller)
	steps := make(map[string]rpc.Caller)
	var entrances []*entrance
	for _, queue := range contract.Queues() {
		limits := cfg.limits(queue)
		client := rpc.NewClient(targetOf[queue], resolver, limits, t, options...)
		opened.add(client.Close)
		guarded[queue] = holds.caller(queue, client)
		entry := newEntrance(targetOf[queue], limits.Bulkhead.MaxConcurrent, cfg.fastSlots(), client)
		entrances = append(entrances, entry)
		steps[queue] = holds.caller(queue, entry)
	}
	if watching, err := watchEntrances(t.Meter, entrances); err != nil {
		// Steps matter more than their figures.
		t.Log.Warn("some metrics of the entrances are missing", zap.Error(err))
	} else {
		opened.add(watching.Unregister)
	}
	reconciliation := &activities.Reconciliation{
		Temporal:  temporal,
		Converter: codec.DataConverter(),
		Now:       time.Now,
		Orders:    order.NewClient(guarded[contract.QueueOrders]),
		Inventory: inventory.NewClient(guarded[contract.QueueInventory]),
		Payment:   payment.NewClient(guarded[contract.QueuePayment]),
		Shipping:  shipping.NewClient(guarded[contract.QueueShipping]),
	}
	return &services{reconciliation: reconciliation, byQueue: map[string]any{
		contract.QueueOrders:       &activities.Orders{Client: order.NewClient(steps[contract.QueueOrders])},
		contract.QueueInventory:    &activities.Inventory{Client: inventory.NewClient(steps[contract.QueueInventory])},
		contract.QueuePayment:      &activities.Payment{Client: payment.NewClient(steps[contract.QueuePayment])},
		contract.QueueShipping:     &activities.Shipping{Client: shipping.NewClient(steps[contract.QueueShipping])},
		contract.QueueNotification: &activities.Notification{Client: notification.NewClient(steps[contract.QueueNotification])},
	}}
}

// on returns the activities that run on a queue of their own.
func (s *services) on(queue string) any { return s.byQueue[queue] }

// all returns every service's activities.
func (s *services) all() []any {
	var all []any
	for _, queue := range contract.Queues() {
		all = append(all, s.byQueue[queue])
	}
	return all
}

// closers are closed in the opposite order.
type closers []func() error

func (c *closers) add(closer func() error) { *c = append(*c, closer) }

func (c *closers) close() error {
	var errs []error
	for i := len(*c) - 1; i >= 0; i-- {
		errs = append(errs, (*c)[i]())
	}
	*c = nil
	return errors.Join(errs...)
}
