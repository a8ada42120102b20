package activities

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"orderflow/internal/effects"
	"orderflow/internal/fence"
	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
	"orderflow/workflows/contract"
)

const lost = "order-1"

var (
	placed = contract.PlaceOrderInput{
		OrderID: lost, CustomerID: "cust-ada", CustomerName: "Ada", RequestHash: "hash",
		Items: []contract.Item{{ProductID: "prod-kettle", ProductName: "Kettle", Quantity: 2, UnitPrice: money.New(1250, "USD")}},
		Total: money.New(2500, "USD"), PaymentMethod: "pm_card_visa",
		Settings: contract.Settings{FastWayOff: true},
	}
	early = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	late  = early.Add(time.Hour)
	now   = late.Add(time.Hour)
)

// The ends that a run can have.
var (
	running    = fakeRun{status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, input: placed}
	completed  = fakeRun{status: enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, input: placed, closedAt: late}
	cancelled  = fakeRun{status: enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED, input: placed, closedAt: late}
	undone     = fakeRun{status: enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, failedAs: contract.ErrorSagaFailed, input: placed, closedAt: late}
	notItsOwn  = fakeRun{status: enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, failedAs: contract.ErrorInvalidInput, input: placed, closedAt: late}
	broken     = fakeRun{status: enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, failedAs: "panic", input: placed, closedAt: late}
	terminated = fakeRun{status: enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, input: placed, closedAt: late}
	timedOut   = fakeRun{status: enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT, input: placed, closedAt: late}
	unreadable = fakeRun{status: enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, input: "ciphertext", closedAt: late}
)

func recoveryThat(run fakeRun) fakeRun {
	input := run.input.(contract.PlaceOrderInput)
	input.Recovery = &contract.Recovery{Reason: "before"}
	run.input = input
	return run
}

func orphanThat(run fakeRun) fakeRun {
	run.input = contract.PlaceOrderInput{OrderID: lost, Recovery: &contract.Recovery{Reason: "before"}}
	return run
}

func suspectOf(source contract.Source) contract.Suspect {
	suspect := contract.Suspect{OrderID: lost, Source: source, Since: early}
	switch source {
	case contract.SourceReservations:
		suspect.Step, suspect.Revision = contract.StepReserveInventory, 1
	case contract.SourceCharges, contract.SourcePaymentFences:
		suspect.Step, suspect.Revision = contract.StepChargePayment, 2
	case contract.SourceShipments, contract.SourceShippingFences:
		suspect.Step, suspect.Revision = contract.StepShipOrder, 1
	default:
	}
	return suspect
}

var (
	closed     = []contract.Source{contract.SourceClosed}
	open       = []contract.Source{contract.SourceOpenOrders}
	strays     = contract.Sources()[2:]
	staysThere = strays[1:] // what an order that has shipped had
	held       = strays[:1]
	everywhere = contract.Sources()
)

func viewOf(status order.Status, steps ...order.SagaStep) *order.View {
	view := &order.View{
		OrderID: lost, CustomerID: "cust-ada", CustomerName: "Ada", Status: status, RequestHash: "hash", CreatedAt: early,
		Items:       []order.Item{{ProductID: "prod-kettle", ProductName: "Kettle", Quantity: 2, UnitPrice: money.New(1250, "USD")}},
		TotalAmount: money.New(2500, "USD"),
	}
	if status == order.Cancelled {
		view.Saga = &order.Saga{State: order.SagaCompensated, Steps: steps}
	}
	return view
}

func settled(state, resolution string) order.SagaStep {
	return order.SagaStep{Name: contract.StepChargePayment, Compensation: &order.Compensation{
		Name: contract.UndoChargePayment, State: state, Resolution: resolution,
	}}
}

// TestWhatIsDecidedAboutAnOrder goes through the kinds of suspects, the ends of
// workflows and the states of orders.
func TestWhatIsDecidedAboutAnOrder(t *testing.T) {
	draft, confirmed, shipped, cancelledOrder := viewOf(order.Draft), viewOf(order.Confirmed), viewOf(order.Shipped), viewOf(order.Cancelled)
	atCarrier := &shipping.Shipment{OrderID: lost, Status: shipping.Accepted}
	calledOff := &shipping.Shipment{OrderID: lost, Status: shipping.Cancelled}
	for name, test := range map[string]struct {
		of       []contract.Source
		run      *fakeRun
		order    *order.View
		shipment *shipping.Shipment
		// recovers is why; "" leaves the order alone.
		recovers string
		undo     bool
		orphan   bool // nobody knows what was ordered
	}{
		"a running workflow, of a draft":         {of: everywhere, run: &running, order: draft},
		"a running workflow, of a cancelled one": {of: everywhere, run: &running, order: cancelledOrder},
		"a running workflow, without a record":   {of: everywhere, run: &running},
		"a draft, terminated":                    {of: everywhere, run: &terminated, order: draft, recovers: "was terminated"},
		"a confirmed order, terminated":          {of: everywhere, run: &terminated, order: confirmed, recovers: "was terminated"},
		"a draft, timed out":                     {of: everywhere, run: &timedOut, order: draft, recovers: "timed out"},
		"a draft, failed without compensation":   {of: everywhere, run: &broken, order: draft, recovers: "failed"},
		"a draft whose workflow nobody has":      {of: everywhere, order: draft, recovers: "was lost"},
		"a draft whose workflow says shipped":    {of: everywhere, run: &completed, order: draft, recovers: "was lost"},
		"a draft whose workflow says undone":     {of: everywhere, run: &undone, order: draft, recovers: "was lost"},
		"a draft of a terminated recovery":       {of: everywhere, run: new(recoveryThat(terminated)), order: draft, recovers: "was terminated"},
		"a draft, its history unreadable":        {of: everywhere, run: &unreadable, order: draft, recovers: "was terminated"},
		"no record, terminated":                  {of: closed, run: &terminated, recovers: "was terminated", undo: true},
		"no record, failed without compensation": {of: closed, run: &broken, recovers: "failed", undo: true},
		"no record, refused at its creation":     {of: closed, run: &undone},
		"no record, not its own input":           {of: closed, run: &notItsOwn},
		"no record, its history unreadable":      {of: closed, run: &unreadable},
		"no record, an orphan terminated":        {of: closed, run: new(orphanThat(terminated)), recovers: "was terminated", undo: true, orphan: true},
		"ended, then terminated":                 {of: closed, run: &terminated, order: cancelledOrder},
		"shipped, then terminated":               {of: closed, run: &terminated, order: shipped},
		"ended, and a later run has ended well":  {of: closed, run: &cancelled, order: cancelledOrder},
		"ended, its recovery terminated":         {of: closed, run: new(recoveryThat(terminated)), order: cancelledOrder, recovers: "was terminated", undo: true},
		"shipped, its recovery terminated":       {of: closed, run: new(recoveryThat(terminated)), order: shipped, shipment: atCarrier, recovers: "was terminated"},
		"ended by hand, its recovery terminated": {of: closed, run: new(recoveryThat(terminated)), order: viewOf(order.Cancelled, settled("skipped", "skipped by ops"))},
		"an open order that has shipped since":   {of: open, run: &completed, order: shipped},
		"an open order that was cancelled since": {of: open, run: &undone, order: cancelledOrder},
		"an open order of no record":             {of: open},
		"left of a cancelled order":              {of: strays, run: &undone, order: cancelledOrder, recovers: "left something behind", undo: true},
		"left of one cancelled long ago":         {of: strays, order: cancelledOrder, recovers: "left something behind", undo: true},
		"left of one that was then terminated":   {of: strays, run: &terminated, order: cancelledOrder, recovers: "left something behind", undo: true},
		"left, and skipped by an operator":       {of: strays, run: &undone, order: viewOf(order.Cancelled, settled("skipped", ""))},
		"left, and resolved by an operator":      {of: strays, run: &undone, order: viewOf(order.Cancelled, settled("done", "resolved by ops"))},
		"left by a recovery that has ended":      {of: strays, run: new(recoveryThat(undone)), order: cancelledOrder},
		"left by a recovery that was terminated": {of: strays, run: new(recoveryThat(terminated)), order: cancelledOrder, recovers: "left something behind", undo: true},
		"of no order at all":                     {of: strays, recovers: "left something behind", undo: true, orphan: true},
		"of no order, a recovery has ended":      {of: strays, run: new(orphanThat(undone))},
		"of no record, its workflow known":       {of: strays, run: &undone, recovers: "left something behind", undo: true},
		"of no record, but shipped, it is said":  {of: strays, run: &completed},
		"what a shipped order had":               {of: staysThere, run: &completed, order: shipped},
		"held for a shipped order":               {of: held, run: &completed, order: shipped, shipment: atCarrier, recovers: "left something behind"},
		"held for a shipped order, called off":   {of: held, run: &completed, order: shipped, shipment: calledOff},
		"held for a shipped order, not shipped":  {of: held, run: &completed, order: shipped},
		"held for a shipped order, recovered":    {of: held, run: new(recoveryThat(completed)), order: shipped, shipment: atCarrier},
		"held for a shipped order, long ago":     {of: held, order: shipped, shipment: atCarrier, recovers: "left something behind"},
		"held for a shipped order, by its fence": {of: held, run: &undone, order: shipped, shipment: atCarrier, recovers: "left something behind"},
	} {
		for _, source := range test.of {
			t.Run(name+", in "+string(source), func(t *testing.T) {
				w := newWorld(t)
				if test.run != nil {
					w.temporal.runs[lost] = *test.run
				}
				if test.order != nil {
					w.services.orders[lost] = *test.order
				}
				if test.shipment != nil {
					w.services.shipments[lost] = *test.shipment
				}
				decision, err := w.decide(suspectOf(source))
				require.NoError(t, err)
				require.NotEmpty(t, decision.Reason)
				if test.recovers == "" {
					require.False(t, decision.Recovered, decision.Reason)
					require.Empty(t, w.temporal.started)
					return
				}
				require.True(t, decision.Recovered, decision.Reason)
				require.Contains(t, decision.Reason, test.recovers)
				require.Len(t, w.temporal.inputs, 1)
				input := w.temporal.inputs[0]
				require.Equal(t, lost, input.OrderID)
				require.Equal(t, &contract.Recovery{Reason: decision.Reason, Undo: test.undo}, input.Recovery)
				require.Equal(t, test.orphan, len(input.Items) == 0)
			})
		}
	}
}

func TestWhatNoRecoveryUndoesNeedsSomebody(t *testing.T) {
	for _, suspect := range []contract.Suspect{
		{Source: contract.SourceReservations, Step: contract.StepReserveInventory, Revision: 2},
		{Source: contract.SourceReservations, Step: "AnotherStep", Revision: 1},
		{Source: contract.SourceCharges, Step: contract.StepChargePayment, Revision: contract.MostRevisions + 1},
		{Source: contract.SourcePaymentFences, Step: "agreed", Revision: 1},
	} {
		w := newWorld(t)
		suspect.OrderID = lost
		decision, err := w.decide(suspect)
		require.NoError(t, err)
		require.False(t, decision.Recovered, suspect)
		require.True(t, decision.InNeed, suspect)
	}
}

// Something new may be left behind after a recovery: its own time tells.
func TestWhatIsYoungerThanARecoveryIsRecoveredAgain(t *testing.T) {
	w := newWorld(t)
	w.temporal.runs[lost] = recoveryThat(undone)
	w.services.orders[lost] = *viewOf(order.Cancelled)
	suspect := suspectOf(contract.SourceCharges)
	suspect.Since = late.Add(time.Second)
	decision, err := w.decide(suspect)
	require.NoError(t, err)
	require.True(t, decision.Recovered)
}

// A worker may still be at work on a workflow that was just closed under it.
func TestAWorkflowThatWasJustClosedIsLeftForALaterRound(t *testing.T) {
	for ago, recovers := range map[time.Duration]bool{
		0: false, contract.ClosedGrace - time.Second: false, contract.ClosedGrace: true,
	} {
		w := newWorld(t)
		run := terminated
		run.closedAt = now.Add(-ago)
		w.temporal.runs[lost] = run
		w.services.orders[lost] = *viewOf(order.Confirmed)
		for _, source := range everywhere {
			decision, err := w.decide(suspectOf(source))
			require.NoError(t, err)
			require.Equal(t, recovers, decision.Recovered, "%v ago, in %s", ago, source)
		}
	}
}

func TestNothingIsDecidedWhileSomebodyDoesNotAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		source contract.Source
		sever  func(w *world)
	}{
		"Temporal": {contract.SourceOpenOrders, func(w *world) { w.temporal.down = true }},
		"order":    {contract.SourceOpenOrders, func(w *world) { w.services.away = []string{"/v1/orders/"} }},
		"shipping": {contract.SourceReservations, func(w *world) { w.services.away = []string{"/v1/shipments/"} }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.temporal.runs[lost] = terminated
			w.services.orders[lost] = *viewOf(order.Shipped)
			test.sever(w)
			_, err := w.decide(suspectOf(test.source))
			require.Error(t, err)
			require.Empty(t, w.temporal.started)
		})
	}
}

func TestARecoveryStartsAsTheOrderDidButForItsID(t *testing.T) {
	w := newWorld(t)
	w.temporal.runs[lost] = terminated
	w.services.orders[lost] = *viewOf(order.Draft)
	_, err := w.decide(suspectOf(contract.SourceClosed))
	require.NoError(t, err)

	want := placed
	want.Recovery = &contract.Recovery{Reason: "the order's workflow was terminated"}
	require.Equal(t, []contract.PlaceOrderInput{want}, w.temporal.inputs, "the dead workflow's own input")
	options := w.temporal.started[0]
	assert.Equal(t, lost, options.ID)
	assert.Equal(t, contract.QueueOrders, options.TaskQueue)
	assert.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, options.WorkflowIDReusePolicy)
	assert.Equal(t, enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL, options.WorkflowIDConflictPolicy)
	assert.True(t, options.WorkflowExecutionErrorWhenAlreadyStarted)
	assert.Zero(t, options.WorkflowExecutionTimeout+options.WorkflowRunTimeout)
	assert.Equal(t, map[string]any{contract.MemoCustomerID: "cust-ada", contract.MemoRequestHash: "hash"}, options.Memo)
	assert.Equal(t, 2, options.TypedSearchAttributes.Size())
	assert.Equal(t, "cust-ada", options.Priority.FairnessKey)
	assert.Equal(t, "recovery: 1 product, 25.00 USD", options.StaticSummary)
	assert.NotContains(t, options.StaticDetails+options.StaticSummary, "Ada")
}

// Without a history, the order service's record says what was ordered.
func TestARecoveryIsMadeOfTheRecordWhenThereIsNoHistory(t *testing.T) {
	w := newWorld(t)
	w.services.orders[lost] = *viewOf(order.Confirmed)
	_, err := w.decide(suspectOf(contract.SourceOpenOrders))
	require.NoError(t, err)
	require.Equal(t, []contract.PlaceOrderInput{{
		OrderID: lost, CustomerID: placed.CustomerID, CustomerName: placed.CustomerName, RequestHash: placed.RequestHash,
		Items: placed.Items, Total: placed.Total, AcceptedAt: early,
		Recovery: &contract.Recovery{Reason: "the order's workflow was lost"},
	}}, w.temporal.inputs)
}

func TestARunOfSomebodyElseWins(t *testing.T) {
	w := newWorld(t)
	w.temporal.taken = true
	w.services.orders[lost] = *viewOf(order.Draft)
	decision, err := w.decide(suspectOf(contract.SourceOpenOrders))
	require.NoError(t, err)
	require.False(t, decision.Recovered)
}

func TestClosedWorkflowsAreFoundPageByPage(t *testing.T) {
	w := newWorld(t)
	w.temporal.listed = [][]string{{"order-1", "order-2", "order-1"}, {"order-3"}}
	for id, run := range map[string]fakeRun{"order-1": terminated, "order-2": running, "order-3": timedOut} {
		run.input = contract.PlaceOrderInput{OrderID: id, Items: placed.Items}
		w.temporal.runs[id] = run
		w.services.orders[id] = order.View{OrderID: id, Status: order.Draft}
	}
	request := contract.SuspectsRequest{Source: contract.SourceClosed, Since: early, Before: late}
	first, err := w.find(request)
	require.NoError(t, err)
	require.Equal(t, 3, first.Looked)
	require.Equal(t, []contract.Suspect{{OrderID: "order-1", Source: contract.SourceClosed, Since: late}}, first.Orders)
	require.NotEmpty(t, first.Next)
	request.Cursor = first.Next
	second, err := w.find(request)
	require.NoError(t, err)
	require.Equal(t, []contract.Suspect{{OrderID: "order-3", Source: contract.SourceClosed, Since: late}}, second.Orders)
	require.Empty(t, second.Next)
	require.Equal(t, "WorkflowType = 'PlaceOrder' AND ExecutionStatus IN ('Terminated', 'TimedOut', 'Failed')"+
		" AND (OrderState IS NULL OR OrderState NOT IN ('completed', 'compensated'))"+
		" AND CloseTime < '2026-11-23T11:00:00Z' AND CloseTime >= '2026-11-23T10:00:00Z'", w.temporal.queries[0])
	require.Empty(t, w.temporal.started, "the page decides nothing")
}

// Of many charges only those are asked for one by one which should not be there.
func TestWhatIsAsItShouldBeCostsNoQuestion(t *testing.T) {
	w := newWorld(t)
	var page effects.Page
	for i, status := range []order.Status{order.Shipped, order.Confirmed, order.Draft, order.Cancelled, "unknown"} {
		id := fmt.Sprintf("order-%d", i)
		page.Items = append(page.Items, effects.Effect{Key: fence.Key{OrderID: id, Step: contract.StepChargePayment, Revision: 1}, Since: early})
		if status != "unknown" {
			w.services.orders[id] = order.View{OrderID: id, Status: status}
		}
	}
	page.Items = append(page.Items, effects.Effect{Key: fence.Key{OrderID: "order-9", Step: "agreed", Revision: 1}, Since: early})
	page.Next = "next"
	w.services.effects[payment.CapturedCharges] = page
	found, err := w.find(contract.SuspectsRequest{Source: contract.SourceCharges, Since: early, Before: late, Cursor: "here"})
	require.NoError(t, err)
	require.Equal(t, 6, found.Looked)
	require.Equal(t, "next", found.Next)
	require.Equal(t, []string{"order-3", "order-4", "order-9"}, idsOf(found))
	query := w.services.queries[0]
	require.Equal(t, []string{early.Format(time.RFC3339Nano), late.Format(time.RFC3339Nano), "here"},
		[]string{query.Get("since"), query.Get("before"), query.Get("after")})
	single := 0
	for _, path := range w.services.asks {
		if strings.HasPrefix(path, "/v1/orders/order-") {
			single++
		}
	}
	require.Equal(t, 3, single)
}

// An order whose record is gone cannot be recovered; somebody has to hear of it,
// so it must not stay behind on its page.
func TestWhatNeedsSomebodyIsFoundAsWell(t *testing.T) {
	w := newWorld(t)
	w.temporal.runs[lost] = completed
	w.services.effects[payment.CapturedCharges] = effects.Page{Items: []effects.Effect{
		{Key: fence.Key{OrderID: lost, Step: contract.StepChargePayment, Revision: 1}, Since: early},
	}}
	found, err := w.find(contract.SuspectsRequest{Source: contract.SourceCharges, Since: early, Before: late})
	require.NoError(t, err)
	require.Equal(t, []string{lost}, idsOf(found))
	decision, err := w.decide(found.Orders[0])
	require.NoError(t, err)
	require.True(t, decision.InNeed, decision.Reason)
}

func idsOf(found contract.Suspects) (ids []string) {
	for _, suspect := range found.Orders {
		ids = append(ids, suspect.OrderID)
	}
	return ids
}

// An order that nobody can tell of is decided about alone. When it is many, the
// page is left.
func TestAPageFailsWhenWhoIsAskedIsAway(t *testing.T) {
	for orders, fails := range map[int]bool{unansweredOrders: false, unansweredOrders + 1: true} {
		w := newWorld(t)
		var page effects.Page
		for i := range orders {
			page.Items = append(page.Items, effects.Effect{Key: fence.Key{OrderID: fmt.Sprintf("order-%d", i)}, Since: early})
		}
		w.services.effects[order.OpenOrders] = page
		w.services.away = []string{"/v1/orders/order-"}
		found, err := w.find(contract.SuspectsRequest{Source: contract.SourceOpenOrders, Before: late})
		require.Equal(t, fails, err != nil)
		if !fails {
			require.Len(t, found.Orders, orders)
		}
	}
}

func TestASourceThatDoesNotAnswerFailsItsPage(t *testing.T) {
	for _, source := range contract.Sources() {
		w := newWorld(t)
		w.temporal.down = true
		w.services.away = []string{"/v1/effects/"}
		_, err := w.find(contract.SuspectsRequest{Source: source, Before: late})
		require.Error(t, err, source)
	}
	_, err := newWorld(t).find(contract.SuspectsRequest{Source: "the moon", Before: late})
	require.ErrorContains(t, err, "the moon")
}
