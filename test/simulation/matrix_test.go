package simulation

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// trouble is what happens to one step of an order.
type trouble string

const (
	refused         trouble = "refused"
	unheard         trouble = "times out before its effect"
	unanswered      trouble = "times out after its effect"
	cancelledBefore trouble = "cancelled before its effect"
	cancelledAfter  trouble = "cancelled after its effect"
)

var troubles = []trouble{refused, unheard, unanswered, cancelledBefore, cancelledAfter}

// cell is one order whose step meets one trouble.
type cell struct {
	step    string
	trouble trouble
	way     contract.Settings
}

// shelf is the stock of the one product of a cell, ordered what it orders.
const (
	shelf   = 10
	ordered = 2
	price   = 1250
)

func (c cell) id() string {
	return contract.OrderIDForKey("cust-ada", fmt.Sprintf("%s/%s/%v", c.step, c.trouble, c.way.FastWayOff))
}

// product is the cell's own, so that its stock is, too.
func (c cell) product() string { return "prod-" + c.id()[len(contract.OrderIDPrefix):] }

// place is the position of the step in the saga.
func (c cell) place() int { return slices.Index(forward, c.step) }

// ships says that the trouble comes when there is no way back any more.
func (c cell) ships() bool { return c.place() > slices.Index(forward, contract.StepShipOrder) }

// happened says that the step has had its effect, before it was undone.
func (c cell) happened() bool { return c.trouble == unanswered || c.trouble == cancelledAfter }

func (c cell) cancelled() bool { return c.trouble == cancelledBefore || c.trouble == cancelledAfter }

// scenario gives the step its trouble. A service refuses by itself where it can
// be made to.
func (c cell) scenario() *Scenario {
	s := &Scenario{Seed: 1, Fates: map[string][]Fate{}, Order: contract.PlaceOrderInput{
		OrderID: c.id(), CustomerID: "cust-ada", CustomerName: "Ada Lovelace", RequestHash: "hash",
		Items: []contract.Item{{ProductID: c.product(), ProductName: "Kettle", Quantity: ordered, UnitPrice: money.New(price, "USD")}},
		Total: money.New(ordered*price, "USD"), PaymentMethod: goodMethod,
		ShippingAddress: contract.Address{Name: "Ada Lovelace", Line1: "12 Analytical Row", City: "London", PostalCode: "N1", Country: "GB"},
		AcceptedAt:      acceptedAt, Settings: c.way,
	}}
	s.Order.Settings.StepTimeout = time.Minute
	cancel := func(answered bool) {
		s.Messages = []Message{{
			At: Moment{Activity: c.step, Call: 1, Answered: answered}, Update: contract.UpdateCancel,
			Request: contract.CancelRequest{Reason: "changed my mind", RequestedBy: "cust-ada"},
		}}
	}
	const longerThanAStep = 20
	switch c.trouble {
	case refused:
		switch c.step {
		case contract.StepReserveInventory:
			s.Order.Items[0].Quantity, s.Order.Total = shelf+1, money.New((shelf+1)*price, "USD")
		case contract.StepChargePayment:
			s.Order.PaymentMethod = declinedMethod
		case contract.StepShipOrder:
			s.Order.ShippingAddress.PostalCode = refusedPostalCode
		default:
			s.Fates[c.step] = slices.Repeat([]Fate{Refused}, 3)
		}
	case unheard:
		s.Fates[c.step] = slices.Repeat([]Fate{Unheard}, longerThanAStep)
	case unanswered:
		s.Fates[c.step] = slices.Repeat([]Fate{Unanswered}, longerThanAStep)
	case cancelledBefore, cancelledAfter:
		cancel(c.trouble == cancelledAfter)
	}
	return s
}

// eachCell runs a test for each step, trouble and way.
func eachCell(t *testing.T, test func(t *testing.T, c cell)) {
	for _, way := range []contract.Settings{{}, {FastWayOff: true}} {
		for _, step := range forward {
			for _, trouble := range troubles {
				c := cell{step, trouble, way}
				name := "fast way"
				if way.FastWayOff {
					name = "durable way"
				}
				t.Run(fmt.Sprintf("%s/%s/%s", name, step, trouble), func(t *testing.T) { test(t, c) })
			}
		}
	}
}

// TestEveryStepMeetsEveryTrouble asserts the end, the calls and the services'
// own rows of one order for each cell of the matrix.
func TestEveryStepMeetsEveryTrouble(t *testing.T) {
	services := Boot(t)
	outcomes := map[bool]map[string]*order.Saga{false: {}, true: {}}
	eachCell(t, func(t *testing.T, c cell) {
		services.Stock(t, c.product(), shelf)
		var saga *Saga
		synctest.Test(t, func(*testing.T) {
			network := NewNetwork(services, Natural)
			saga = NewSaga(c.scenario())
			network.Play(saga)
			dieAway(network)
		})
		defer func() {
			if t.Failed() {
				t.Logf("%s\n%s", saga.Scenario, saga.Trace)
			}
		}()
		assert.Empty(t, saga.Check())
		assert.Equal(t, c.end(), saga.End)
		assert.Equal(t, c.calls(), saga.Trace.Sent())
		c.requireAnswers(t, saga)
		c.requireRows(t, services)
		outcomes[c.way.FastWayOff][c.step+" "+string(c.trouble)] = c.anonymous(c.requireOrder(t, services))
	})
	assert.Equal(t, outcomes[false], outcomes[true], "both ways lead to the same end")

	// An order that the order service would not create has rows elsewhere only.
	report, err := judge(t).Verify(services, true)
	require.NoError(t, err)
	for _, breach := range report.Breaches() {
		assert.Contains(t, []string{
			cell{contract.StepCreateOrder, refused, contract.Settings{}}.id(),
			cell{contract.StepCreateOrder, refused, contract.Settings{FastWayOff: true}}.id(),
		}, breach.Subject, breach.Detail)
	}
}

// anonymous is an outcome without what differs between the cells of the two
// ways.
func (c cell) anonymous(saga *order.Saga) *order.Saga {
	if saga != nil {
		for i := range saga.Steps {
			saga.Steps[i].Error = strings.ReplaceAll(saga.Steps[i].Error, c.product(), "it")
		}
	}
	return saga
}

func (c cell) end() End {
	switch {
	case c.ships():
		return Shipped
	case c.cancelled():
		return CancelledByRequest
	default:
		return Undone
	}
}

// undone are the compensations, in their order: of what was tried, the
// troubled step included.
func (c cell) undone() []string {
	if c.ships() || c.step == contract.StepCreateOrder && c.trouble == refused {
		return nil
	}
	var undone []string
	for _, step := range slices.Backward(forward[:c.place()+1]) {
		if undo := undoOf[step]; undo != "" {
			undone = append(undone, undo)
		}
	}
	return undone
}

func (c cell) calls() []string {
	if c.ships() {
		return forward
	}
	return slices.Concat(forward[:c.place()+1], c.undone(), []string{contract.StepNotifyCustomer})
}

// requireAnswers looks at what the customer who cancelled was told.
func (c cell) requireAnswers(t *testing.T, saga *Saga) {
	t.Helper()
	if !c.cancelled() {
		return
	}
	want := "cancel accepted"
	if c.ships() {
		want = "cancel refused: " + contract.ErrorTooLate
	}
	told := slices.DeleteFunc(saga.Trace.Entries(), func(e Entry) bool { return e.Kind != Told })
	require.Len(t, told, 1)
	assert.Equal(t, want, told[0].Text)
}

// requireRows looks at stock, money, parcel and fences.
func (c cell) requireRows(t *testing.T, services *Services) {
	t.Helper()
	stock, err := services.Inventory.Stock(t.Context(), c.product())
	require.NoError(t, err)
	money, err := services.Payments.AtProvider(t.Context(), c.id())
	require.NoError(t, err)
	parcels, err := services.Shipping.LiveAtCarrier(t.Context(), c.id())
	require.NoError(t, err)
	assert.Zero(t, stock.Reserved)
	if c.ships() {
		assert.Equal(t, []int64{shelf - ordered, ordered}, []int64{stock.OnHand, stock.Shipped})
		assert.Equal(t, int64(ordered*price), money.Captured.Amount)
		assert.Zero(t, money.Refunded.Amount)
		assert.Equal(t, []int{1, 1}, []int{money.Live, parcels}, "one live charge, one live parcel")
	} else {
		assert.Equal(t, []int64{shelf, 0}, []int64{stock.OnHand, stock.Shipped})
		assert.Equal(t, money.Captured, money.Refunded)
		if c.step == contract.StepChargePayment && c.happened() || c.place() > slices.Index(forward, contract.StepChargePayment) {
			assert.Equal(t, int64(ordered*price), money.Refunded.Amount, "it was charged before")
		}
		assert.Equal(t, []int{0, 0}, []int{money.Live, parcels})
	}
	c.requireFences(t, services)
}

// requireFences looks at the fence row of each step.
func (c cell) requireFences(t *testing.T, services *Services) {
	t.Helper()
	rows := map[string]string{}
	for _, row := range services.Fences(t, c.id()) {
		assert.Equal(t, 1, row.Revision)
		rows[row.Step] = row.State
	}
	want := map[string]string{}
	for _, step := range c.calls() {
		if slices.Contains(forward, step) {
			want[step] = "confirmed"
		}
	}
	for step, undo := range undoOf {
		if slices.Contains(c.undone(), undo) {
			want[step] = "compensated"
		}
	}
	switch {
	case c.step == contract.StepConfirmOrder && c.trouble == cancelledBefore:
		// It has come before the cancellation of the order, or not.
		delete(want, c.step)
		delete(rows, c.step)
	case c.trouble == refused && slices.Contains([]string{contract.StepCreateOrder, contract.StepConfirmOrder, contract.StepNotifyCustomer}, c.step),
		c.trouble == unheard && slices.Contains([]string{contract.StepConfirmOrder, contract.StepNotifyCustomer}, c.step):
		// Nothing has come to the service, and there is nothing that undoes it.
		delete(want, c.step)
	}
	assert.Equal(t, want, rows)
}

// requireOrder looks at the order itself and the outcome that it has recorded.
func (c cell) requireOrder(t *testing.T, services *Services) *order.Saga {
	t.Helper()
	view, err := services.Orders.Order(t.Context(), c.id())
	if c.step == contract.StepCreateOrder && c.trouble == refused {
		assert.Equal(t, problem.NotFound, problem.CodeOf(err))
		return nil
	}
	require.NoError(t, err)
	require.NotNil(t, view.Saga)
	states, compensations := map[string]string{}, map[string]string{}
	for _, step := range view.Saga.Steps {
		states[step.Name] = step.State
		if step.Compensation != nil {
			compensations[step.Name] = step.Compensation.State
		}
	}
	if c.ships() {
		assert.Equal(t, order.Shipped, view.Status)
		assert.Equal(t, order.SagaCompleted, view.Saga.State)
		assert.Equal(t, []string{"done"}, distinct(states))
		assert.Empty(t, compensations)
		return view.Saga
	}
	assert.Equal(t, order.Cancelled, view.Status)
	assert.Equal(t, order.SagaCompensated, view.Saga.State)
	for place, step := range forward[:len(forward)-1] {
		switch {
		case place < c.place():
			assert.Equal(t, "compensated", states[step], step)
		case place == c.place():
			assert.Equal(t, "failed", states[step], step)
		default:
			assert.Equal(t, "skipped", states[step], step)
		}
		if place <= c.place() {
			assert.Equal(t, "done", compensations[step], step)
		} else {
			assert.Empty(t, compensations[step], step)
		}
	}
	return view.Saga
}

func distinct(states map[string]string) []string {
	return slices.Compact(slices.Sorted(maps.Values(states)))
}
