package chaos

import (
	"net/http"
	"path"

	"orderflow/workflows/contract"
)

// Accept is the step before the saga: the gateway takes the order on.
const Accept = "AcceptOrder"

// Processes by the names that the supervisor has for them.
const (
	gateway      = "gateway"
	worker       = "workers-1"
	workers      = "workers" // in Consul
	orderService = "order"
)

// Effect is a call with which a step of the saga, or the undoing of one, takes
// effect.
type Effect struct {
	Step    string
	Service string
	Method  string
	// Path is a pattern of package path.
	Path string
	// Transactions is how many the service commits in a healthy call.
	Transactions int
	// Undoes is the step that a compensation undoes.
	Undoes string
}

// Effects lists every step, in the order of the saga, and then what undoes them.
func Effects() []Effect {
	const post = http.MethodPost
	return []Effect{
		{Step: Accept, Service: gateway, Method: post, Path: "/v1/orders"},
		{Step: contract.StepCreateOrder, Service: orderService, Method: post, Path: "/v1/orders", Transactions: 1},
		{Step: contract.StepReserveInventory, Service: "inventory", Method: post, Path: "/v1/reservations", Transactions: 1},
		{Step: contract.StepChargePayment, Service: "payment", Method: post, Path: "/v1/charges", Transactions: 4},
		{Step: contract.StepConfirmOrder, Service: orderService, Method: post, Path: "/v1/orders/*/confirm", Transactions: 1},
		{Step: contract.StepShipOrder, Service: "shipping", Method: post, Path: "/v1/shipments", Transactions: 3},
		{Step: contract.StepCommitInventory, Service: "inventory", Method: post, Path: "/v1/reservations/commit", Transactions: 1},
		{Step: contract.StepCompleteOrder, Service: orderService, Method: post, Path: "/v1/orders/*/ship", Transactions: 1},
		{Step: contract.StepNotifyCustomer, Service: "notification", Method: post, Path: "/v1/notifications", Transactions: 1},
		{Step: contract.UndoShipOrder, Service: "shipping", Method: post, Path: "/v1/shipments/cancel", Transactions: 2, Undoes: contract.StepShipOrder},
		{Step: contract.UndoChargePayment, Service: "payment", Method: post, Path: "/v1/charges/refund", Transactions: 2, Undoes: contract.StepChargePayment},
		{Step: contract.UndoReserveInventory, Service: "inventory", Method: post, Path: "/v1/reservations/release", Transactions: 1, Undoes: contract.StepReserveInventory},
		{Step: contract.UndoCreateOrder, Service: orderService, Method: post, Path: "/v1/orders/*/cancel", Transactions: 1, Undoes: contract.StepCreateOrder},
	}
}

// EffectOf is the effect of a request to a service; found is false for reads
// and for whatever else belongs to no step.
func EffectOf(service string, r *http.Request) (effect Effect, found bool) {
	for _, effect := range Effects() {
		if effect.Service != service || effect.Method != r.Method {
			continue
		}
		if matched, err := path.Match(effect.Path, r.URL.Path); err == nil && matched {
			return effect, true
		}
	}
	return Effect{}, false
}

// effectOfStep is the effect of a step that Effects has.
func effectOfStep(step string) Effect {
	for _, effect := range Effects() {
		if effect.Step == step {
			return effect
		}
	}
	return Effect{}
}
