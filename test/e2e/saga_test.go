package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// story is what one order, or a few of them, goes through.
type story struct {
	name string
	tell func(*shop)
}

// stories are told in this order. Kills come last: a worker's death holds an
// order up for the ten seconds that Temporal waits for an answer.
func stories() []story {
	var all []story
	for _, some := range [][]story{
		endings(), cancellations(), blockings(), outages(), kills(),
	} {
		all = append(all, some...)
	}
	return all
}

// TestEveryStoryEndsTheSameOnBothWays tells the same stories, of the same seed,
// to two systems: one in which orders take the fast way through their steps,
// and one in which they do not. What is left of each order is the same.
func TestEveryStoryEndsTheSameOnBothWays(t *testing.T) {
	ends := map[string]map[string]end{}
	for _, fastWay := range []string{"on", "off"} {
		t.Run("fast way "+fastWay, func(t *testing.T) {
			s := openShop(t, fastWay)
			for _, story := range stories() {
				if !t.Run(story.name, func(t *testing.T) { story.tell(s.on(t)) }) {
					return // the next story would begin in a broken system
				}
			}
			s.requireSettledByHand(s.verify("--at-rest"))
			ends[fastWay] = s.ends
		})
	}
	if len(ends) == 2 { // else one of them failed, or was not asked for
		require.Equal(t, ends["on"], ends["off"])
	}
}

// endings are orders to which nothing unforeseen happens.
func endings() []story {
	return []story{
		{"ships", func(s *shop) {
			require.Equal(s.t, order.Shipped, s.awaitEnd("ships", s.place("ships", purchase{quantity: 3})).Status)
		}},
		{"refused by the stock", func(s *shop) {
			s.requireUndone("out-of-stock", s.place("out-of-stock", purchase{quantity: onHand + 1}), contract.StepReserveInventory)
		}},
		{"refused by the bank", func(s *shop) {
			s.requireUndone("declined", s.place("declined", purchase{method: "pm_card_chargeDeclined"}), contract.StepChargePayment)
		}},
		{"refused by the carrier", func(s *shop) {
			s.requireUndone("no-route", s.place("no-route", purchase{postalCode: noRoute}), contract.StepShipOrder)
		}},
		{"fixed card", func(s *shop) {
			id := s.place("fixed-card", purchase{method: "pm_card_chargeDeclined", gateway: patient})
			s.awaitStep(id, contract.StepChargePayment, contract.StepWaiting)
			s.decide("/v1/orders/"+id+"/fix", map[string]any{"payment": map[string]any{"method": "pm_card_visa"}, "reason": "another card"})
			s.requireShipped("fixed-card", id,
				decision{order.InterventionFix, contract.StepChargePayment, "e2e", "another card"})
		}},
		{"fixed address", func(s *shop) {
			id := s.place("fixed-address", purchase{postalCode: noRoute, gateway: patient})
			s.awaitStep(id, contract.StepShipOrder, contract.StepWaiting)
			s.decide("/v1/orders/"+id+"/fix", map[string]any{
				"shippingAddress": map[string]any{"name": "A", "line1": "2 Main St", "city": "London", "country": "GB"}, "reason": "moved",
			})
			s.requireShipped("fixed-address", id,
				decision{order.InterventionFix, contract.StepShipOrder, "e2e", "moved"})
		}},
		{"not fixed in time", func(s *shop) {
			id := s.place("unfixed", purchase{method: "pm_card_chargeDeclined", gateway: impatient})
			s.requireUndone("unfixed", id, contract.StepChargePayment)
		}},
		{"held and released", func(s *shop) {
			id := s.halt("held", purchase{}, halted{"payment", contract.StepChargePayment})
			s.decide("/v1/orders/"+id+"/hold", because("a look at the address"))
			s.resume("payment")
			s.awaitStep(id, contract.StepChargePayment, contract.StepDone)
			s.awaitListed("WorkflowId = '" + id + "' AND OrderState = 'held'")
			s.awaitStep(id, contract.StepConfirmOrder, contract.StepPending)
			s.decide("/v1/orders/"+id+"/release", because("the address is fine"))
			s.requireShipped("held", id,
				decision{order.InterventionHold, "", "e2e", "a look at the address"},
				decision{order.InterventionRelease, "", "e2e", "the address is fine"})
		}},
	}
}

func (s *shop) requireShipped(name, id string, decisions ...decision) {
	s.t.Helper()
	found := s.awaitEnd(name, id)
	require.Equal(s.t, order.Shipped, found.Status)
	require.Equal(s.t, decisions, found.Decisions)
}

// requireUndone requires that the order was undone because of a step, and that
// it had come no further.
func (s *shop) requireUndone(name, id, failed string) {
	s.t.Helper()
	found := s.awaitEnd(name, id)
	require.Equal(s.t, order.Cancelled, found.Status)
	later := false
	for _, step := range found.Saga.Steps {
		switch {
		case step.Name == failed:
			later = true
			require.Equal(s.t, string(contract.StepFailed), step.State, step.Name)
		case later:
			require.Equal(s.t, string(contract.StepSkipped), step.State, step.Name)
		default:
			require.Equal(s.t, string(contract.StepCompensated), step.State, step.Name)
		}
	}
	require.True(s.t, later, "%s has no step %s", id, failed)
}
