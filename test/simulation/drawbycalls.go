package simulation

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"orderflow/services/money"
	"orderflow/workflows/contract"
)

// Turns is how many kinds of orders DrawByCalls draws, one after the other.
const Turns = 9

// DrawByCalls draws what happens to the order of that number by its calls
// alone, not by time and not by what others order. So its end does not depend
// on who plays it, how fast, or on which of the two ways. The label says where
// it depends on the way.
func DrawByCalls(seed uint64, number int, fastWayOff bool) *Scenario {
	d := dice{rand.New(rand.NewPCG(seed, uint64(number)))}
	s := &Scenario{Seed: seed, Order: contract.PlaceOrderInput{
		OrderID:    contract.OrderIDForKey("cust-ada", fmt.Sprintf("%d/%d/%v", seed, number, fastWayOff)),
		CustomerID: "cust-ada", CustomerName: "Ada Lovelace", RequestHash: "hash",
		Items:         []contract.Item{{ProductID: "prod-cup", ProductName: "Cup", Quantity: 2, UnitPrice: money.New(prices["prod-cup"], "USD")}},
		PaymentMethod: goodMethod,
		ShippingAddress: contract.Address{
			Name: "Ada Lovelace", Line1: "12 Analytical Row", City: "London", PostalCode: "N1", Country: "GB",
		},
		AcceptedAt: acceptedAt, Settings: contract.Settings{FastWayOff: fastWayOff},
	}}
	passing := d.passing(2)
	switch turn := number % Turns; turn {
	case 0:
		s.Label = "ships"
	case 1:
		s.Label = "out of stock"
		s.Order.Items[0].Quantity = enough + 1
	case 2:
		s.Label = "declined"
		s.Order.PaymentMethod = declinedMethod
	case 3:
		s.Label = "address refused"
		s.Order.ShippingAddress.PostalCode = refusedPostalCode
	default:
		step := forward[turn-4]
		s.Label = step + " fails for longer than it may take"
		// Few enough faults elsewhere that nothing else takes as long.
		s.Order.Settings.StepTimeout, passing = QuickStep, d.passing(1)
		passing[step] = slices.Repeat([]Fate{countable[d.IntN(len(countable))]}, 12)
		if step == contract.StepShipOrder && !fastWayOff {
			s.Label += ", and the carrier is asked then"
		}
	}
	s.Label = fmt.Sprintf("%d: %s", number, s.Label)
	s.Fates = passing
	s.Order.Total = money.New(s.Order.Items[0].Quantity*s.Order.Items[0].UnitPrice.Amount, "USD")
	return s
}

// countable are the fates after which the next call comes soon.
var countable = []Fate{Lost, Unheard, Unanswered, Broken, Late, Orphaned}

// passing draws up to so many faults for some of the steps and compensations.
func (d dice) passing(most int) map[string][]Fate {
	fates := map[string][]Fate{}
	for _, activity := range slices.Concat(forward, backward) {
		if d.oneOf(3) {
			for range 1 + d.IntN(most) {
				fates[activity] = append(fates[activity], pick(d, countable[d.IntN(len(countable))], Twice))
			}
		}
	}
	return fates
}
