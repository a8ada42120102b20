package host

import (
	"orderflow/internal/resilience"
	"orderflow/workflows/contract"
)

// targetOf is the service behind each queue.
var targetOf = map[string]string{
	contract.QueueOrders:       "order",
	contract.QueueInventory:    "inventory",
	contract.QueuePayment:      "payment",
	contract.QueueShipping:     "shipping",
	contract.QueueNotification: "notification",
}

// activitySlots is how many durable activities of a queue run at once: as many
// as the bulkhead of the service lets through, so that a waiting activity waits
// at the server, not in this process.
func activitySlots(queue string) int {
	return resilience.Defaults(targetOf[queue]).Bulkhead.MaxConcurrent
}

// localActivitySlots is how many fast steps run at once, at all services
// together: no more than the narrowest bulkhead takes in, running and queued,
// so that a burst of healthy orders is not refused by our own bulkhead. A
// service that is slow without failing can hold all of them until its breaker
// opens; steps that wait for a slot then leave the fast way when their time is
// up.
func localActivitySlots() int {
	narrowest := 0
	for _, queue := range contract.Queues() {
		bulkhead := resilience.Defaults(targetOf[queue]).Bulkhead
		if takes := bulkhead.MaxConcurrent + bulkhead.MaxQueue; narrowest == 0 || takes < narrowest {
			narrowest = takes
		}
	}
	return narrowest
}
