package host

import (
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

// localActivitySlots is how many fast steps run at once, at all services
// together: no more than the narrowest bulkhead takes in, running and queued,
// so that a burst of healthy orders is not refused by our own bulkhead. A
// service that is slow without failing can hold all of them until its breaker
// opens; steps that wait for a slot then leave the fast way when their time is
// up.
func localActivitySlots() int {
	narrowest := 0
	for _, queue := range contract.Queues() {
		bulkhead := bulkheadOf(queue)
		if takes := bulkhead.MaxConcurrent + bulkhead.MaxQueue; narrowest == 0 || takes < narrowest {
			narrowest = takes
		}
	}
	return narrowest
}
