package host

import (
	"cmp"

	"orderflow/internal/config"
	"orderflow/internal/resilience"
	"orderflow/workflows/contract"
)

// QueueSettings are those of one task queue. They bound its durable activities;
// the fast way of a step is no task of its own, and is bounded by the bulkhead
// and the breaker of its service.
type QueueSettings struct {
	// Slots is how many activities run at once in this process.
	Slots int `default:"0" help:"Activities of the queue at once in this process; 0 is as many as the bulkhead of its service lets through."`
	// Rate is a property of the queue, not of the process: each poll carries
	// it to the server, which goes by the latest. Workers that disagree would
	// change it back and forth.
	Rate float64 `default:"0" help:"Activities of the queue in a second at most, over all workers; 0 is no limit. Set the same for every worker."`
}

// mostPerSecond is what Temporal's SDK itself takes for no limit.
const mostPerSecond = 100_000

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

// validate refuses more slots than calls that the service's bulkhead lets
// through: what is over would wait in this process while the activity's time
// runs, or be refused by ourselves.
func (q QueueSettings) validate(queue string) error {
	if most := bulkheadOf(queue).MaxConcurrent; q.Slots < 0 || q.Slots > most {
		return config.Wrong(queue+"-slots", "%d is not from 0 to %d, which the bulkhead of service %s lets through", q.Slots, most, targetOf[queue])
	}
	if !(q.Rate >= 0 && q.Rate <= mostPerSecond) { // NaN is refused as well
		return config.Wrong(queue+"-rate", "%v is not from 0 to %d", q.Rate, mostPerSecond)
	}
	return nil
}

// slots is how many durable activities of a queue run at once: by default as
// many as the bulkhead of the service lets through, so that a waiting activity
// waits at the server, not in this process.
func (q QueueSettings) slots(queue string) int {
	return cmp.Or(q.Slots, bulkheadOf(queue).MaxConcurrent)
}

func bulkheadOf(queue string) resilience.BulkheadConfig {
	return resilience.Defaults(targetOf[queue]).Bulkhead
}
