package simulation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// Trouble is what happens to one step of an order.
type Trouble string

// The troubles.
const (
	IsRefused       Trouble = "refused"
	TimesOutBefore  Trouble = "times out before its effect"
	TimesOutAfter   Trouble = "times out after its effect"
	CancelledBefore Trouble = "cancelled before its effect"
	CancelledAfter  Trouble = "cancelled after its effect"
)

var troubles = []Trouble{IsRefused, TimesOutBefore, TimesOutAfter, CancelledBefore, CancelledAfter}

// Cell is one order whose step meets one trouble, on one of the two ways.
type Cell struct {
	Step       string
	Trouble    Trouble
	FastWayOff bool
	// Pace is that of the network. Where it is Quick, steps may not take long,
	// and what fails after the point of no return fails a few times only: nobody
	// really waits for the pauses of a blocked order.
	Pace Pace
	// asked says that the cancellation came in the middle of a fast attempt, where
	// a lost workflow task may be ahead: the order takes all steps as tried, and
	// asks the carrier. Here it always comes so early; on a server it waits for the
	// end of the workflow task, and most often finds the order on the durable way.
	asked bool
	// accepted says that the carrier had it then, so that it went forward all the
	// same.
	accepted bool
}

// Matrix has a cell for each step, trouble and way.
func Matrix(pace Pace) []Cell {
	var cells []Cell
	for _, fastWayOff := range []bool{false, true} {
		for _, step := range forward {
			for _, trouble := range troubles {
				cells = append(cells, Cell{Step: step, Trouble: trouble, FastWayOff: fastWayOff, Pace: pace})
			}
		}
	}
	return cells
}

// String names the cell.
func (c Cell) String() string { return fmt.Sprintf("%s/%s/%s", c.way(), c.Step, c.Trouble) }

func (c Cell) way() string {
	if c.FastWayOff {
		return "durable way"
	}
	return "fast way"
}

// shelf is the stock of the one product of a cell, ordered what it orders.
const (
	shelf   = 10
	ordered = 2
	price   = 1250
)

func (c Cell) id() string {
	return contract.OrderIDForKey("cust-ada", fmt.Sprintf("%s/%s/%v", c.Step, c.Trouble, c.FastWayOff))
}

// product is the cell's own, so that its stock is, too.
func (c Cell) product() string { return "prod-" + c.id()[len(contract.OrderIDPrefix):] }

// place is the position of the step in the saga.
func (c Cell) place() int { return slices.Index(forward, c.Step) }

// ships says that the trouble comes when there is no way back any more.
func (c Cell) ships() bool {
	return c.accepted || c.place() > slices.Index(forward, contract.StepShipOrder)
}

// atTheCarrier says that the end depends on whether the carrier is asked, and on
// whether that is before or after a call arrives that the cancellation has
// overtaken.
func (c Cell) atTheCarrier() bool { return c.Step == contract.StepShipOrder && c.cancelled() }

// happened says that the step has had its effect, before it was undone.
func (c Cell) happened() bool { return c.Trouble == TimesOutAfter || c.Trouble == CancelledAfter }

// passes says that the trouble is over sooner than the order has to wait for it.
func (c Cell) passes() bool { return c.Pace == Quick && c.ships() }

func (c Cell) timesOut() bool { return c.Trouble == TimesOutBefore || c.Trouble == TimesOutAfter }

func (c Cell) cancelled() bool { return c.Trouble == CancelledBefore || c.Trouble == CancelledAfter }

// Scenario gives the step its trouble. A service refuses by itself where it can
// be made to.
func (c Cell) Scenario() *Scenario {
	s := &Scenario{Seed: 1, Fates: map[string][]Fate{}, Order: contract.PlaceOrderInput{
		OrderID: c.id(), CustomerID: "cust-ada", CustomerName: "Ada Lovelace", RequestHash: "hash",
		Items: []contract.Item{{ProductID: c.product(), ProductName: "Kettle", Quantity: ordered, UnitPrice: money.New(price, "USD")}},
		Total: money.New(ordered*price, "USD"), PaymentMethod: goodMethod,
		ShippingAddress: contract.Address{Name: "Ada Lovelace", Line1: "12 Analytical Row", City: "London", PostalCode: "N1", Country: "GB"},
		AcceptedAt:      acceptedAt, Settings: contract.Settings{FastWayOff: c.FastWayOff},
	}}
	cancel := func(answered bool) {
		s.Messages = []Message{{
			At: Moment{Activity: c.Step, Call: 1, Answered: answered}, Update: contract.UpdateCancel,
			Request: contract.CancelRequest{Reason: "changed my mind", RequestedBy: "cust-ada"},
		}}
	}
	failures := 20 // longer than a step may take
	if c.timesOut() {
		s.Order.Settings.StepTimeout = time.Minute
		if c.Pace == Quick {
			s.Order.Settings.StepTimeout = QuickStep
		}
		if c.passes() {
			failures = 2
		}
	}
	switch c.Trouble {
	case IsRefused:
		switch c.Step {
		case contract.StepReserveInventory:
			s.Order.Items[0].Quantity, s.Order.Total = shelf+1, money.New((shelf+1)*price, "USD")
		case contract.StepChargePayment:
			s.Order.PaymentMethod = declinedMethod
		case contract.StepShipOrder:
			s.Order.ShippingAddress.PostalCode = refusedPostalCode
		default:
			s.Fates[c.Step] = slices.Repeat([]Fate{Refused}, 3)
			if c.passes() {
				s.Fates[c.Step] = []Fate{Refused}
				s.Messages = c.operators()
			}
		}
	case TimesOutBefore:
		s.Fates[c.Step] = slices.Repeat([]Fate{Unheard}, failures)
	case TimesOutAfter:
		s.Fates[c.Step] = slices.Repeat([]Fate{Unanswered}, failures)
	case CancelledBefore, CancelledAfter:
		cancel(c.Trouble == CancelledAfter)
	}
	return s
}

// operators try a step again that is blocked, sooner than it is by itself.
func (c Cell) operators() (messages []Message) {
	for _, delay := range []time.Duration{3 * time.Second, 6 * time.Second, 12 * time.Second} {
		messages = append(messages, Message{
			At: Moment{Activity: c.Step, Call: 1, Delay: delay}, Update: contract.UpdateRetry,
			Request: contract.OperatorRequest{Step: c.Step, Reason: "looked into it", RequestedBy: "ops-jane"},
		})
	}
	return messages
}

// Stock puts what the cell's order asks for on its shelf.
func (c Cell) Stock(t testing.TB, services *Services) {
	t.Helper()
	services.Stock(t, c.product(), shelf)
}

// Judge asserts the end of the cell's order, its calls and the services' own
// rows. It returns the recorded outcome, which must be that of the other way
// too; nil for an order that was never created, and for one whose end depends on
// the way.
func (c Cell) Judge(t testing.TB, services *Services, saga *Saga) *order.Saga {
	t.Helper()
	c.asked = c.cancelled() && !c.FastWayOff && !c.ships() && slices.Contains(c.sent(saga), contract.FindShipment)
	c.accepted = c.asked && c.atTheCarrier() && (c.happened() || saga.End == Shipped)
	assert.Empty(t, saga.Check())
	assert.Equal(t, c.end(), saga.End)
	assert.Equal(t, c.calls(), c.sent(saga))
	c.requireAnswers(t, saga)
	c.requireRows(t, services)
	outcome := c.anonymous(c.requireOrder(t, services))
	if t.Failed() {
		t.Logf("%s\n%s", saga.Scenario, saga.Trace)
	}
	if c.atTheCarrier() {
		return nil
	}
	return outcome
}

// sent lists the activities of the order's calls, without repetitions that
// follow each other.
func (c Cell) sent(saga *Saga) (activities []string) {
	for _, entry := range saga.Trace.Entries() {
		if entry.Kind == Sent && entry.Activity != contract.RecordIntervention && !saga.leftOver(entry) {
			activities = append(activities, entry.Activity)
		}
	}
	return slices.Compact(activities)
}

// anonymous is an outcome without what differs between the cells of the two
// ways: only who asks undoes the steps that the order has not come to.
func (c Cell) anonymous(saga *order.Saga) *order.Saga {
	if saga != nil {
		for i := range saga.Steps {
			if saga.Steps[i].State == "skipped" {
				saga.Steps[i].Compensation = nil
			}
			saga.Steps[i].Error = strings.ReplaceAll(saga.Steps[i].Error, c.product(), "it")
		}
	}
	return saga
}

func (c Cell) end() End {
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
// troubled step included, and of what a lost workflow task may have tried.
func (c Cell) undone() []string {
	if c.ships() || c.neverCreated() {
		return nil
	}
	if c.asked {
		return backward
	}
	var undone []string
	for _, step := range slices.Backward(forward[:c.place()+1]) {
		if undo := undoOf[step]; undo != "" {
			undone = append(undone, undo)
		}
	}
	return undone
}

// neverCreated says that the order service would not have the order: there is
// nothing to undo and nobody to be told.
func (c Cell) neverCreated() bool {
	return c.Step == contract.StepCreateOrder && c.Trouble == IsRefused
}

func (c Cell) calls() []string {
	switch {
	case c.accepted:
		return slices.Concat(forward[:c.place()+1], []string{contract.FindShipment, contract.FindPayment}, forward[c.place()+1:])
	case c.ships():
		return forward
	case c.neverCreated():
		return forward[:1]
	case c.asked:
		return slices.Concat(forward[:c.place()+1], []string{contract.FindShipment}, c.undone(), []string{contract.StepNotifyCustomer})
	}
	return slices.Concat(forward[:c.place()+1], c.undone(), []string{contract.StepNotifyCustomer})
}

// requireAnswers looks at what the customer who cancelled was told.
func (c Cell) requireAnswers(t testing.TB, saga *Saga) {
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
func (c Cell) requireRows(t testing.TB, services *Services) {
	t.Helper()
	stock, err := services.Inventory.Stock(context.Background(), c.product())
	require.NoError(t, err)
	money, err := services.Payments.AtProvider(context.Background(), c.id())
	require.NoError(t, err)
	parcels, err := services.Shipping.LiveAtCarrier(context.Background(), c.id())
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
		if c.Step == contract.StepChargePayment && c.happened() || c.place() > slices.Index(forward, contract.StepChargePayment) {
			assert.Equal(t, int64(ordered*price), money.Refunded.Amount, "it was charged before")
		}
		assert.Equal(t, []int{0, 0}, []int{money.Live, parcels})
	}
	c.requireFences(t, services)
}

// requireFences looks at the fence row of each step.
func (c Cell) requireFences(t testing.TB, services *Services) {
	t.Helper()
	rows := map[string]string{}
	for _, row := range services.Fences(t, c.id()) {
		if row.Step == order.InterventionStep {
			continue
		}
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
	case c.Step == contract.StepConfirmOrder && c.Trouble == CancelledBefore:
		// It has come before the cancellation of the order, or not.
		delete(want, c.Step)
		delete(rows, c.Step)
	case c.Trouble == IsRefused && slices.Contains([]string{contract.StepCreateOrder, contract.StepConfirmOrder, contract.StepNotifyCustomer}, c.Step),
		c.Trouble == TimesOutBefore && !c.passes() && slices.Contains([]string{contract.StepConfirmOrder, contract.StepNotifyCustomer}, c.Step):
		// Nothing has come to the service, and there is nothing that undoes it.
		delete(want, c.Step)
	}
	assert.Equal(t, want, rows)
}

// requireOrder looks at the order itself and the outcome that it has recorded.
func (c Cell) requireOrder(t testing.TB, services *Services) *order.Saga {
	t.Helper()
	view, err := services.Orders.Order(context.Background(), c.id())
	if c.neverCreated() {
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
		if place <= c.place() || c.asked && place <= slices.Index(forward, contract.StepShipOrder) {
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
