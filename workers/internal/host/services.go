package host

import (
	"errors"
	"time"

	"go.temporal.io/sdk/client"

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
	// reconciliation runs on the order queue, with the same clients.
	reconciliation *activities.Reconciliation
}

func newServices(resolver discovery.Resolver, temporal client.Client, codec payloadcodec.Codec, holds *holds, t *telemetry.Telemetry, opened *closers) *services {
	caller := func(queue string) rpc.Caller {
		guarded := rpc.NewClient(targetOf[queue], resolver, rpc.Config{}, t)
		opened.add(guarded.Close)
		return holds.caller(queue, guarded)
	}
	reconciliation := &activities.Reconciliation{
		Temporal:  temporal,
		Converter: codec.DataConverter(),
		Now:       time.Now,
		Orders:    order.NewClient(caller(contract.QueueOrders)),
		Inventory: inventory.NewClient(caller(contract.QueueInventory)),
		Payment:   payment.NewClient(caller(contract.QueuePayment)),
		Shipping:  shipping.NewClient(caller(contract.QueueShipping)),
	}
	return &services{reconciliation: reconciliation, byQueue: map[string]any{
		contract.QueueOrders:       &activities.Orders{Client: reconciliation.Orders},
		contract.QueueInventory:    &activities.Inventory{Client: reconciliation.Inventory},
		contract.QueuePayment:      &activities.Payment{Client: reconciliation.Payment},
		contract.QueueShipping:     &activities.Shipping{Client: reconciliation.Shipping},
		contract.QueueNotification: &activities.Notification{Client: notification.NewClient(caller(contract.QueueNotification))},
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
