package simulation

import (
	"fmt"
	"math/rand/v2"
	"time"

	"orderflow/services/money"
	"orderflow/workflows/contract"
)

// The products of a simulation. Prices are in cents.
var prices = map[string]int64{"prod-cup": 350, "prod-kettle": 1250, "prod-plate": 499, "prod-spoon": 120}

var products = []string{"prod-cup", "prod-kettle", "prod-plate", "prod-spoon"}

// refusedPostalCode is the one that the simulated carrier does not deliver to.
const refusedPostalCode = "00000"

const (
	goodMethod     = "pm_card_visa"
	declinedMethod = "pm_card_chargeDeclined"
)

// acceptedAt is when all orders were accepted.
var acceptedAt = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// arrivals is the time in which the orders of a world are placed.
const arrivals = time.Minute

// dice draw a scenario.
type dice struct{ *rand.Rand }

// Draw draws what happens to the order of that number.
func Draw(seed uint64, number int) *Scenario {
	d := dice{rand.New(rand.NewPCG(seed, uint64(number)))}
	s := &Scenario{
		Seed:        seed,
		StartsAt:    time.Duration(d.Int64N(int64(arrivals))),
		Order:       d.order(seed, number),
		Fates:       d.fates(),
		BankRefuses: d.oneOf(4),
	}
	s.Messages = d.messages()
	for d.oneOf(5) {
		s.Terminations = append(s.Terminations, Termination{
			At: d.moment(forward, backward, []string{contract.FindShipment}), RecoveredAfter: d.upTo(30 * time.Second),
		})
	}
	return s
}

func (d dice) oneOf(n int) bool { return d.IntN(n) == 0 }

func (d dice) upTo(longest time.Duration) time.Duration {
	return time.Duration(d.Int64N(int64(longest)))
}

// pick returns one of several, the first more often than the others.
func pick[T any](d dice, usual T, others ...T) T {
	if d.IntN(3) > 0 || len(others) == 0 {
		return usual
	}
	return others[d.IntN(len(others))]
}

func (d dice) order(seed uint64, number int) contract.PlaceOrderInput {
	customer := fmt.Sprintf("cust-%d", d.IntN(20))
	in := contract.PlaceOrderInput{
		OrderID:    contract.OrderIDForKey(customer, fmt.Sprintf("%d/%d", seed, number)),
		CustomerID: customer, CustomerName: "Ada Lovelace", RequestHash: "hash",
		PaymentMethod: pick(d, goodMethod, declinedMethod, goodMethod),
		ShippingAddress: contract.Address{
			Name: "Ada Lovelace", Line1: "12 Analytical Row", City: "London", Country: "GB",
			PostalCode: pick(d, "N1", refusedPostalCode, "E8", "W2"),
		},
		AcceptedAt: acceptedAt,
		Settings: contract.Settings{
			FastWayOff:  d.oneOf(3),
			StepTimeout: pick(d, 0, 20*time.Second, time.Minute),
			Deadline:    pick(d, 0, 15*time.Second, 2*time.Minute),
			FixWindow:   pick(d, 0, 10*time.Minute, time.Hour),
		},
	}
	if d.oneOf(4) {
		in.Settings.DurableSteps = []string{forward[d.IntN(len(forward))]}
	}
	for _, line := range d.Perm(len(products))[:1+d.IntN(3)] {
		item := contract.Item{
			ProductID: products[line], ProductName: products[line],
			Quantity: 1 + d.Int64N(3), UnitPrice: money.New(prices[products[line]], "USD"),
		}
		in.Items = append(in.Items, item)
		in.Total = money.New(in.Total.Amount+item.Quantity*item.UnitPrice.Amount, "USD")
	}
	return in
}

// fates disturbs a few activities of an order, and those thoroughly.
func (d dice) fates() map[string][]Fate {
	fates := map[string][]Fate{}
	disturb := func(activity string) {
		// Twelve in a row are longer than a step may take, if that is not long.
		for range pick(d, 1, 2, 3, 12) {
			fates[activity] = append(fates[activity], pick(d, faulty[d.IntN(len(faulty))], Arrives, Twice, OnHold))
		}
	}
	for _, activity := range forward {
		if d.oneOf(5) {
			disturb(activity)
		}
	}
	for _, activity := range backward {
		if d.oneOf(2) {
			disturb(activity)
		}
	}
	// These are called for few orders.
	for _, activity := range []string{contract.RecordIntervention, contract.FindShipment} {
		disturb(activity)
		disturb(activity)
	}
	return fates
}

// moment is somewhere in the first calls of one of the activities.
func (d dice) moment(activities ...[]string) Moment {
	among := activities[d.IntN(len(activities))]
	return Moment{
		Activity: among[d.IntN(len(among))], Call: 1 + d.IntN(2), Answered: d.oneOf(2),
		Delay: pick(d, 0, d.upTo(time.Second), d.upTo(30*time.Second)),
	}
}

// messages are what people want of an order, as far as it can be foreseen.
func (d dice) messages() []Message {
	var messages []Message
	for d.oneOf(5) {
		at := d.moment(forward, []string{contract.FindShipment})
		messages = append(messages, Message{At: at, Update: pick(d, contract.UpdateCancel, cancelWorkflow),
			Request: contract.CancelRequest{Reason: "changed my mind", RequestedBy: "cust-ada"}})
	}
	if d.oneOf(4) {
		at := d.moment(forward)
		messages = append(messages, Message{At: at, Update: contract.UpdateHold,
			Request: contract.HoldRequest{Reason: "looks like fraud", RequestedBy: "ops-jane", Operator: true}})
		held := at
		at.Delay += d.upTo(20 * time.Minute)
		messages = append(messages, Message{At: at, Update: contract.UpdateRelease,
			Request: contract.HoldRequest{Reason: "it was none", RequestedBy: "ops-jane", Operator: true}})
		held.Delay = (held.Delay + at.Delay) / 2
		messages = append(messages, Message{At: held, Update: contract.UpdateRelease,
			Request: contract.HoldRequest{Reason: "where is it?", RequestedBy: "cust-ada"}})
	}
	// A fix of what may be refused; often there is nothing to fix.
	for call := 1; call <= 2; call++ {
		if d.oneOf(2) {
			messages = append(messages, Message{
				At:     Moment{Activity: contract.StepChargePayment, Call: call, Answered: true, Delay: d.upTo(20 * time.Minute)},
				Update: contract.UpdateFix, Request: contract.FixRequest{
					PaymentMethod: pick(d, goodMethod, declinedMethod), Reason: "another card", RequestedBy: "cust-ada"},
			})
		}
		if d.oneOf(2) {
			address := contract.Address{Name: "Ada", Line1: "1 Main St", City: "Leeds", Country: "GB", PostalCode: pick(d, "LS1", refusedPostalCode)}
			messages = append(messages, Message{
				At:     Moment{Activity: contract.StepShipOrder, Call: call, Answered: true, Delay: d.upTo(20 * time.Minute)},
				Update: contract.UpdateFix, Request: contract.FixRequest{
					ShippingAddress: &address, Reason: "another address", RequestedBy: "cust-ada"},
			})
		}
	}
	return messages
}
