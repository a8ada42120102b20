package dependencies

import (
	"orderflow/internal/problem"
	"orderflow/workflows/contract"
)

// queueOf is the task queue of each service that sagas call.
var queueOf = map[string]string{
	"order":        contract.QueueOrders,
	"inventory":    contract.QueueInventory,
	"payment":      contract.QueuePayment,
	"shipping":     contract.QueueShipping,
	"notification": contract.QueueNotification,
}

// Services are the services that sagas call, by their names in the registry, in
// the order in which an order meets them.
func Services() []string {
	return []string{"order", "inventory", "payment", "shipping", "notification"}
}

// IsService reports whether sagas call a service of that name.
func IsService(name string) bool { return queueOf[name] != "" }

func queueFor(service string) (string, error) {
	if !IsService(service) {
		return "", problem.New(problem.NotFound, "orders call no such service")
	}
	return queueOf[service], nil
}
