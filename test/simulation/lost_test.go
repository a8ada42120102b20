package simulation

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// lostTask is an order whose first workflow task was lost with its worker, after
// it had run steps on the fast way. The task after it begins at the first step
// again, and something turns the order back before it has come as far.
type lostTask struct {
	// ran is the last step that the lost task has run. frozen says that its worker
	// was not killed: the call of the next step arrives later, when the order may
	// have been undone.
	ran    string
	frozen bool
	// at is the step of the second task that meets the trouble.
	at      string
	trouble string
}

// What turns the order back.
const (
	isCancelled       = "cancelled"
	meetsTheDeadline  = "past the deadline"
	hasNoAnswer       = "no answer"
	isHeldAndCanceled = "held, then cancelled"
)

// lostTasks has an order for each step that was the last of a lost task, each
// step up to it at which the order turns back, and each reason.
func lostTasks() (all []lostTask) {
	carrier := slices.Index(forward, contract.StepShipOrder)
	for ran := range slices.Index(forward, contract.StepCommitInventory) + 1 {
		for at := range min(ran, carrier) + 1 {
			for _, trouble := range []string{isCancelled, meetsTheDeadline, hasNoAnswer, isHeldAndCanceled} {
				for _, frozen := range []bool{false, true} {
					if trouble != isHeldAndCanceled || at != carrier { // too late to be held
						all = append(all, lostTask{forward[ran], frozen, forward[at], trouble})
					}
				}
			}
		}
	}
	return all
}

func (l lostTask) String() string {
	worker := "killed"
	if l.frozen {
		worker = "frozen"
	}
	return fmt.Sprintf("%s at %s/%s after %s", l.trouble, l.at, worker, l.ran)
}

func (l lostTask) id() string { return contract.OrderIDForKey("cust-ada", l.String()) }

func (l lostTask) product() string { return "prod-" + l.id()[len(contract.OrderIDPrefix):] }

func (l lostTask) scenario() *Scenario {
	s := &Scenario{Seed: 1, Label: l.String(), Fates: map[string][]Fate{}, Order: contract.PlaceOrderInput{
		OrderID: l.id(), CustomerID: "cust-ada", CustomerName: "Ada Lovelace", RequestHash: "hash",
		Items: []contract.Item{{ProductID: l.product(), ProductName: "Kettle", Quantity: ordered, UnitPrice: money.New(price, "USD")}},
		Total: money.New(ordered*price, "USD"), PaymentMethod: goodMethod,
		ShippingAddress: contract.Address{Name: "Ada Lovelace", Line1: "12 Analytical Row", City: "London", PostalCode: "N1", Country: "GB"},
		AcceptedAt:      acceptedAt,
	}}
	lost := Moment{Activity: l.ran, Call: 1, Answered: true}
	if l.frozen {
		next := forward[slices.Index(forward, l.ran)+1]
		lost = Moment{Activity: next, Call: 1}
		s.Fates[next] = []Fate{Late}
	}
	s.Terminations = []Termination{{At: lost, RecoveredAfter: time.Second, TaskOnly: true}}
	cancel := Message{At: Moment{Activity: l.at, Call: 2}, Update: contract.UpdateCancel,
		Request: contract.CancelRequest{Reason: "changed my mind", RequestedBy: "cust-ada"}}
	switch l.trouble {
	case isCancelled:
		s.Messages = []Message{cancel}
	case isHeldAndCanceled:
		hold := cancel
		hold.Update, hold.Request = contract.UpdateHold, contract.HoldRequest{Reason: "looks like fraud", RequestedBy: "ops-jane"}
		cancel.At.Delay = time.Minute
		s.Messages = []Message{hold, cancel}
	default:
		s.Order.Settings = contract.Settings{StepTimeout: 20 * time.Second}
		if l.trouble == meetsTheDeadline {
			s.Order.Settings = contract.Settings{Deadline: 20 * time.Second}
		}
		s.Fates[l.at] = append([]Fate{Arrives}, slices.Repeat([]Fate{Lost}, 20)...)
	}
	return s
}

// TestNothingStaysBehindOfALostWorkflowTask plays them all on the same services.
// Where the carrier has the parcel, the order goes forward, and nobody was
// promised anything else; any other is undone completely.
func TestNothingStaysBehindOfALostWorkflowTask(t *testing.T) {
	services := Boot(t)
	ends := map[End]int{}
	for _, lost := range lostTasks() {
		t.Run(lost.String(), func(t *testing.T) {
			services.Stock(t, lost.product(), shelf)
			var saga *Saga
			synctest.Test(t, func(*testing.T) {
				network := NewNetwork(services, Natural)
				saga = NewSaga(lost.scenario())
				network.Play(saga)
				dieAway(network)
			})
			ends[saga.End]++
			assert.Equal(t, 2, saga.run)
			assert.Empty(t, saga.Check())
			assert.Empty(t, endsApart(t, services, saga))
			lost.requireRows(t, services, saga.End)
			lost.requireAnswer(t, saga)
			if t.Failed() {
				t.Logf("%s\n%s", saga.Scenario, saga.Trace)
			}
		})
	}
	for _, end := range []End{Shipped, Undone, CancelledByRequest} {
		assert.Positive(t, ends[end], end)
	}
	report, err := judge(t).Verify(services, true)
	require.NoError(t, err)
	assert.Empty(t, report.Breaches())
}

// requireRows looks at stock, money and parcel.
func (l lostTask) requireRows(t *testing.T, services *Services, end End) {
	t.Helper()
	stock, err := services.Inventory.Stock(context.Background(), l.product())
	require.NoError(t, err)
	money, err := services.Payments.AtProvider(context.Background(), l.id())
	require.NoError(t, err)
	parcels, err := services.Shipping.LiveAtCarrier(context.Background(), l.id())
	require.NoError(t, err)
	view, err := services.Orders.Order(context.Background(), l.id())
	require.NoError(t, err)
	assert.Zero(t, stock.Reserved)
	if end == Shipped {
		assert.Equal(t, order.Shipped, view.Status)
		assert.Equal(t, []int64{shelf - ordered, ordered}, []int64{stock.OnHand, stock.Shipped})
		assert.Equal(t, []int{1, 1}, []int{money.Live, parcels})
		return
	}
	assert.Equal(t, order.Cancelled, view.Status)
	assert.Equal(t, []int64{shelf, 0}, []int64{stock.OnHand, stock.Shipped})
	assert.Equal(t, []int{0, 0}, []int{money.Live, parcels})
	assert.Equal(t, money.Captured, money.Refunded)
}

// requireAnswer looks at what was promised to who has cancelled. When the lost
// task has handed the parcel over, it was too late.
func (l lostTask) requireAnswer(t *testing.T, saga *Saga) {
	t.Helper()
	shipped := saga.End == Shipped
	if slices.Index(forward, l.ran) >= slices.Index(forward, contract.StepShipOrder) {
		assert.True(t, shipped, "it can only go forward")
	} else if !l.frozen {
		assert.False(t, shipped)
	}
	if l.trouble != isCancelled && l.trouble != isHeldAndCanceled {
		return
	}
	want := contract.UpdateCancel + " accepted"
	if shipped {
		want = contract.UpdateCancel + " refused: " + contract.ErrorTooLate
	}
	told := slices.DeleteFunc(saga.Trace.Entries(), func(e Entry) bool { return e.Kind != Told })
	require.NotEmpty(t, told)
	assert.Equal(t, want, told[len(told)-1].Text)
}
