package host

import (
	"errors"

	"orderflow/activities"
	"orderflow/internal/discovery"
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
}

func newServices(resolver discovery.Resolver, t *telemetry.Telemetry, opened *closers) *services {
	caller := func(target string) *rpc.Client {
		guarded := rpc.NewClient(target, resolver, rpc.Config{}, t)
		opened.add(guarded.Close)
		return guarded
	}
	return &services{byQueue: map[string]any{
		contract.QueueOrders:       &activities.Orders{Client: order.NewClient(caller("order"))},
		contract.QueueInventory:    &activities.Inventory{Client: inventory.NewClient(caller("inventory"))},
		contract.QueuePayment:      &activities.Payment{Client: payment.NewClient(caller("payment"))},
		contract.QueueShipping:     &activities.Shipping{Client: shipping.NewClient(caller("shipping"))},
		contract.QueueNotification: &activities.Notification{Client: notification.NewClient(caller("notification"))},
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
