package host

import (
	"time"

	"orderflow/internal/chassis"
	"orderflow/internal/config"
	"orderflow/internal/rpc"
	"orderflow/workflows/contract"
)

// QueueSettings are those of one task queue. They are about its durable
// activities; the fast way of a step is no task of its own.
type QueueSettings struct {
	// Rate is a property of the queue, not of the process: each poll carries
	// it to the server, which goes by the latest. Workers that disagree would
	// change it back and forth.
	Rate float64 `default:"0" help:"Activities of the queue in a second at most, over all workers; 0 is no limit. Set the same for every worker."`
}

// Targets are the limits of the calls to the services behind the queues. They
// bound the durable activities as well: see durableSlots.
type Targets struct {
	Order        chassis.Target `embed:"" prefix:"order-"`
	Inventory    chassis.Target `embed:"" prefix:"inventory-"`
	Payment      chassis.Target `embed:"" prefix:"payment-"`
	Shipping     chassis.Target `embed:"" prefix:"shipping-"`
	Notification chassis.Target `embed:"" prefix:"notification-"`
}

const (
	// callTimeout bounds a call where nothing else is set. Timeouts nest: it is
	// less than contract.AttemptTimeout, as any other setting has to be.
	callTimeout = 5 * time.Second
	// mostPerSecond is what Temporal's SDK itself takes for no limit.
	mostPerSecond = 100_000
)

// queue returns the settings of a task queue.
func (s Settings) queue(name string) QueueSettings {
	switch name {
	case contract.QueueInventory:
		return s.Inventory
	case contract.QueuePayment:
		return s.Payment
	case contract.QueueShipping:
		return s.Shipping
	case contract.QueueNotification:
		return s.Notification
	default:
		return s.Orders
	}
}

// target returns the settings of the service behind a task queue.
func (s Settings) target(queue string) chassis.Target {
	switch queue {
	case contract.QueueInventory:
		return s.Calls.Inventory
	case contract.QueuePayment:
		return s.Calls.Payment
	case contract.QueueShipping:
		return s.Calls.Shipping
	case contract.QueueNotification:
		return s.Calls.Notification
	default:
		return s.Calls.Order
	}
}

// limits are those of the calls to the service behind a task queue.
func (s Settings) limits(queue string) rpc.Config {
	return s.target(queue).RPC(callTimeout).WithDefaults(targetOf[queue])
}

func (s Settings) validateQueue(queue string) error {
	if rate := s.queue(queue).Rate; !(rate >= 0 && rate <= mostPerSecond) { // NaN is refused as well
		return config.Wrong(queue+"-rate", "%v is not from 0 to %d", rate, mostPerSecond)
	}
	prefix := targetOf[queue] + "-"
	if err := s.target(queue).Check(prefix, callTimeout); err != nil {
		return err
	}
	if timeout := s.limits(queue).Timeout; timeout >= contract.AttemptTimeout {
		return config.Wrong(prefix+"timeout", "%v is not less than the %v that an attempt of an activity may take", timeout, contract.AttemptTimeout)
	}
	return nil
}
