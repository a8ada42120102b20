package e2e_test

import (
	"github.com/stretchr/testify/require"

	"orderflow/workflows/contract"
)

// outages are services that do not answer, or whose answers are lost.
func outages() []story {
	var all []story
	for _, here := range []halted{
		{"inventory", contract.StepReserveInventory},
		{"payment", contract.StepChargePayment},
		{"shipping", contract.StepShipOrder},
	} {
		name := "lost-at-" + here.service
		all = append(all, story{"answers lost at " + here.activity, func(s *shop) {
			s.stockUp(name)
			restore := s.divert(here.service, "lost=1")
			id := s.placeAgain(name, name, purchase{})
			s.awaitActivity(id, here.activity, answerLost)
			restore()
			s.requireShipped(name, id)
		}})
	}
	return append(all,
		story{"no answer in the time of a step", func(s *shop) {
			s.takeAway("payment")
			s.undoneInVain("step-timeout", impatient, func() { s.bringBack("payment") })
		}},
		story{"answers lost for the time of a step", func(s *shop) {
			restore := s.divert("payment", "lost=1")
			view := s.undoneInVain("step-timeout-lost", impatient, restore)
			require.Equal(s.t, view.TotalAmount, view.Payment.Refunded, "the money was taken, and is back")
		}},
		story{"no answer before the deadline", func(s *shop) {
			s.takeAway("payment")
			s.undoneInVain("deadline", hurried, func() { s.bringBack("payment") })
		}})
}

// undoneInVain is an order that payment does not answer to until its time is
// up. Payment answers again when the order is being undone.
func (s *shop) undoneInVain(name, gateway string, restore func()) orderView {
	s.t.Helper()
	id := s.place(name, purchase{gateway: gateway})
	s.awaitActivity(id, contract.UndoChargePayment, begun)
	restore()
	s.requireUndone(name, id, contract.StepChargePayment)
	return s.settled(id)
}
