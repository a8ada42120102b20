package simulation

import (
	"cmp"
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/services/inventory"
	"orderflow/services/payment"
)

// World is one set of services, and the orders that compete for its stock.
type World struct {
	Services  *Services
	Scenarios []*Scenario
	// Pace is Natural unless it is set.
	Pace Pace
	// Sabotage is a defect; nil for none.
	Sabotage Sabotage
	// Midway runs once, while half of the orders are under way and time stands
	// still, outside the bubble; nil for nothing.
	Midway func()
	// Sagas are the orders that were played, in the order of Scenarios.
	Sagas []*Saga
}

// onShelf is the stock of each product when a world begins, for each hundred
// orders: less than they ask for.
const onShelf = 60

// NewWorld draws a world from its seed.
func NewWorld(t testing.TB, seed uint64, orders int) *World {
	t.Helper()
	w := &World{Services: Boot(t)}
	for _, product := range products {
		w.Services.Stock(t, product, max(onShelf*int64(orders)/100, 5))
	}
	for number := range orders {
		w.Scenarios = append(w.Scenarios, Draw(seed, number))
	}
	return w
}

// StockEnough puts more on the shelves than a few thousand orders ask for.
func StockEnough(t testing.TB, services *Services) {
	t.Helper()
	for _, product := range products {
		services.Stock(t, product, enough)
	}
}

// enough of a product for a few thousand orders.
const enough = 10_000

// Play plays all scenarios at once, in a bubble of their own, until nothing is
// under way any more.
func (w *World) Play(t *testing.T) {
	t.Helper()
	for _, scenario := range w.Scenarios {
		if scenario.BankRefuses {
			require.NoError(t, w.Services.Payments.SimulateRefunds(t.Context(), scenario.Order.OrderID, payment.RefuseRefunds))
		}
	}
	synctest.Test(t, func(*testing.T) {
		network := NewNetwork(w.Services, cmp.Or(w.Pace, Natural))
		network.sabotage = w.Sabotage
		var playing sync.WaitGroup
		for _, scenario := range w.Scenarios {
			saga := NewSaga(scenario)
			w.Sagas = append(w.Sagas, saga)
			playing.Go(func() { network.Play(saga) })
		}
		playing.Go(w.restock)
		if w.Midway != nil {
			playing.Go(func() {
				<-time.After(arrivals/2 + 1)
				w.Services.Do(w.Midway)
			})
		}
		playing.Wait()
		dieAway(network)
	})
}

// dieAway waits in a bubble until nothing is left of what was played in it:
// calls that nobody waits for, and activities that do not know yet that their
// workflow has ended.
func dieAway(network *Network) {
	network.Settle()
	<-time.After(longerThanAnyPause)
	network.Settle()
}

// longerThanAnyPause between two attempts of an activity.
const longerThanAnyPause = time.Minute

// restock brings a few goods while orders come in.
func (w *World) restock() {
	for _, product := range products {
		<-time.After(arrivals / time.Duration(len(products)+1))
		w.Services.Do(func() {
			if stock, err := w.Services.Inventory.Stock(context.Background(), product); err == nil {
				more := inventory.StockCount{ProductID: product, OnHand: stock.OnHand + onShelf/2}
				_, _ = w.Services.Inventory.SetOnHand(context.Background(), more) // or not
			}
		})
	}
}
