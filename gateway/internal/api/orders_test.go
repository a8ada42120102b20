package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"orderflow/gateway/internal/orderview"
	"orderflow/internal/problem"
	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
	"orderflow/workflows/contract"
)

// placed places an order and returns its ID.
func (g *gateway) placed() string {
	g.t.Helper()
	answer := g.place(nil)
	require.Equal(g.t, http.StatusAccepted, answer.Code, answer.Body.String())
	var body accepted
	answer.into(&body)
	return body.OrderID
}

// becomes records the order's next version.
func (g *gateway) becomes(orderID string, status order.Status, saga order.SagaState) {
	g.t.Helper()
	g.orders.add(viewOf(g.temporal.Started()[orderID], status, saga))
}

func (g *gateway) get(path string) answer {
	g.t.Helper()
	return g.send(request{method: http.MethodGet, path: path, token: g.ada()})
}

func (g *gateway) view(orderID string) orderview.View {
	g.t.Helper()
	answer := g.get("/v1/orders/" + orderID)
	require.Equal(g.t, http.StatusOK, answer.Code, answer.Body.String())
	assert.NotContains(g.t, answer.Body.String(), "requestHash")
	var view orderview.View
	answer.into(&view)
	return view
}

func TestAnOrderIsJoinedWithPaymentShipmentAndSaga(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.becomes(id, order.Draft, "")
	g.becomes(id, order.Shipped, order.SagaCompleted)
	g.payments.add(payment.Payment{OrderID: id, Status: payment.Captured, Captured: money.New(15247, "USD"), Refunded: money.Zero("USD")})
	g.parcels.shipments[id] = shipping.Shipment{OrderID: id, Status: shipping.Accepted, TrackingNumber: "T1", Carrier: "Sim"}

	view := g.view(id)
	assert.Equal(t, order.Shipped, view.Status)
	assert.EqualValues(t, 2, view.Version)
	assert.Equal(t, "Ada", view.CustomerName)
	assert.Equal(t, payment.Captured, view.Payment.Status)
	assert.Equal(t, money.New(15247, "USD"), view.Payment.Captured)
	assert.Equal(t, &orderview.Shipment{Status: shipping.Accepted, TrackingNumber: "T1", Carrier: "Sim"}, view.Shipment)
	assert.Equal(t, order.SagaCompleted, view.Saga.State)
	assert.Empty(t, view.Unavailable)
	assert.Empty(t, view.Links.Cancel)
}

func TestARunningOrderTellsTheProgressOfItsSaga(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.becomes(id, order.Confirmed, "")
	g.temporal.Answer = contract.Progress{State: contract.SagaBlocked, Steps: []contract.StepProgress{
		{Name: contract.StepChargePayment, State: contract.StepBlocked, Error: "the provider is away"},
	}}
	view := g.view(id)
	assert.Equal(t, &orderview.Saga{State: order.SagaBlocked, Steps: []order.SagaStep{
		{Name: contract.StepChargePayment, State: "blocked", Error: "the provider is away"},
	}}, view.Saga)
	assert.Nil(t, view.Payment)
	assert.Nil(t, view.Shipment)
	assert.NotEmpty(t, view.Links.Cancel)
}

func TestCompensationsUnderWayAreShown(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.becomes(id, order.Draft, "")
	g.temporal.Answer = contract.Progress{State: contract.SagaCompensating, Steps: []contract.StepProgress{{
		Name: contract.StepReserveInventory, State: contract.StepCompensating,
		Compensation: &contract.CompensationProgress{Name: contract.UndoReserveInventory, State: contract.StepRunning},
	}}}
	assert.Equal(t, &orderview.Saga{State: order.SagaCompensating, Steps: []order.SagaStep{{
		Name: contract.StepReserveInventory, State: "compensating",
		Compensation: &order.Compensation{Name: contract.UndoReserveInventory, State: "running"},
	}}}, g.view(id).Saga)
}

// A question for progress is answered after the steps that the worker had at
// hand, so that the world has moved on since the order was looked up.
func TestAnOrderThatMovesOnWhileItIsReadIsShownWhole(t *testing.T) {
	for name, before := range map[string]order.Status{"not there yet": "", "confirmed": order.Confirmed} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			id := g.placed()
			if before != "" {
				g.becomes(id, before, "")
			}
			g.temporal.Query = func() contract.Progress {
				g.becomes(id, order.Shipped, order.SagaCompleted)
				g.payments.add(payment.Payment{OrderID: id, Status: payment.Captured})
				return contract.Progress{State: contract.SagaCompleted}
			}
			view := g.view(id)
			assert.Equal(t, order.Shipped, view.Status)
			assert.Equal(t, order.SagaCompleted, view.Saga.State)
			assert.Equal(t, payment.Captured, view.Payment.Status)
			assert.Empty(t, view.Unavailable)
		})
	}
}

// The workflow may know its outcome before the order service shows it. A final
// state is a promise about all parts, so it must wait.
func TestASagaIsFinalOnlyWhenTheOrderSaysSo(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.becomes(id, order.Confirmed, "")
	for state, shown := range map[contract.SagaState]order.SagaState{
		contract.SagaCompleted:   order.SagaRunning,
		contract.SagaCompensated: order.SagaCompensating,
	} {
		g.temporal.Change(func(s *orderWorkflows) { s.Answer.State = state })
		assert.Equal(t, shown, g.view(id).Saga.State)
	}
}

func TestEachPartThatIsAwayIsMarked(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.becomes(id, order.Confirmed, "")
	g.payments.err, g.parcels.err = away("payment"), away("shipping")
	g.temporal.NoWorker = true

	view := g.view(id)
	assert.Equal(t, []orderview.Part{orderview.PartPayment, orderview.PartSaga, orderview.PartShipment}, view.Unavailable)
	assert.EqualValues(t, "unavailable", view.Payment.Status)
	assert.EqualValues(t, "unavailable", view.Shipment.Status)
	assert.Equal(t, &orderview.Saga{State: order.SagaRunning, Steps: []order.SagaStep{}}, view.Saga)
	body := g.get("/v1/orders/" + id).Body.String()
	assert.Contains(t, body, `"payment":{"status":"unavailable"}`)
}

func TestFromTheAcceptanceOnTheOrderIsFound(t *testing.T) {
	g := newGateway(t)
	g.temporal.NoWorker = true
	id := g.placed()

	view := g.view(id)
	assert.Equal(t, order.Draft, view.Status)
	assert.Zero(t, view.Version)
	assert.Equal(t, money.New(3*4999+250, "USD"), view.TotalAmount)
	assert.Equal(t, order.SagaRunning, view.Saga.State)
	assert.Equal(t, []orderview.Part{orderview.PartSaga}, view.Unavailable)

	events := g.get("/v1/orders/" + id + "/events")
	require.Equal(t, http.StatusOK, events.Code)
	assert.JSONEq(t, `{"items":[]}`, events.Body.String())

	bob := g.token("cust-bob", "orders:read orders:write")
	g.send(request{method: http.MethodGet, path: "/v1/orders/" + id, token: bob}).problem(problem.NotFound)
}

func TestAnOrderWhoseServiceIsAwayIsShownFromItsPlacement(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.becomes(id, order.Confirmed, "")
	g.orders.fail(away("order"))
	g.payments.add(payment.Payment{OrderID: id, Status: payment.Captured})

	g.temporal.Change(func(s *orderWorkflows) {
		s.Answer = contract.Progress{State: contract.SagaRunning, Steps: []contract.StepProgress{
			{Name: contract.StepConfirmOrder, State: contract.StepDone},
		}}
	})
	view := g.view(id)
	assert.Equal(t, []orderview.Part{orderview.PartOrder}, view.Unavailable)
	assert.Equal(t, order.Confirmed, view.Status)
	assert.Equal(t, payment.Captured, view.Payment.Status)
	assert.Len(t, view.Items, 2)

	for closed, status := range map[enumspb.WorkflowExecutionStatus]order.Status{
		enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED: order.Shipped,
		enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:    order.Cancelled,
	} {
		g.temporal.Close(id, closed)
		assert.Equal(t, status, g.view(id).Status)
	}
}

// A workflow that has ended had its order recorded: a record that is not there
// is lost, as after the restore of an older database.
func TestAnOrderWhoseRecordIsLostIsShownAsItsWorkflowEnded(t *testing.T) {
	for closed, want := range map[enumspb.WorkflowExecutionStatus]struct {
		status     order.Status
		saga       order.SagaState
		cancelable bool
	}{
		enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:  {order.Shipped, order.SagaCompleted, false},
		enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:     {order.Cancelled, order.SagaCompensated, false},
		enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:   {order.Cancelled, order.SagaCompensated, false},
		enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED: {order.Draft, order.SagaBlocked, true},
	} {
		t.Run(closed.String(), func(t *testing.T) {
			g := newGateway(t)
			g.temporal.NoWorker = true
			id := g.placed()
			g.temporal.Close(id, closed)
			g.payments.add(payment.Payment{OrderID: id, Status: payment.Captured})
			g.parcels.shipments[id] = shipping.Shipment{OrderID: id, Status: shipping.Accepted}

			view := g.view(id)
			assert.Equal(t, want.status, view.Status)
			assert.Equal(t, want.saga, view.Saga.State)
			assert.Contains(t, view.Unavailable, orderview.PartOrder)
			require.NotNil(t, view.Payment)
			assert.Equal(t, payment.Captured, view.Payment.Status)
			require.NotNil(t, view.Shipment)
			assert.Equal(t, shipping.Accepted, view.Shipment.Status)
			assert.Equal(t, want.cancelable, view.Links.Cancel != "")
		})
	}
}

func TestAnOrderIsUnavailableOnlyWhenNobodyKnowsIt(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.orders.fail(away("order"))
	g.temporal.Forget(id)
	answer := g.get("/v1/orders/" + id)
	answer.problem(problem.Unavailable)
	assert.NotEmpty(t, answer.Header().Get("Retry-After"))

	g.orders.fail(nil)
	g.get("/v1/orders/" + id).problem(problem.NotFound)
	g.temporal.Change(func(s *orderWorkflows) { s.Down = true })
	g.get("/v1/orders/" + id).problem(problem.Unavailable)
}

// What does not exist and what belongs to somebody else look the same.
func TestUnknownOrdersAndOthersOrdersLookTheSame(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.becomes(id, order.Draft, "")
	unknown, err := contract.NewOrderID()
	require.NoError(t, err)
	bob := g.token("cust-bob", "orders:read orders:write")

	for tail, body := range map[string]string{
		"": "", "/events": "", "/stream": "", "/cancel": `{"reason":"x"}`, "/hold": `{"reason":"x"}`, "/release": `{"reason":"x"}`,
		"/fix": `{"payment":{"method":"pm_x"}}`,
	} {
		method := http.MethodGet
		if body != "" {
			method = http.MethodPost
		}
		look := func(id string) problem.Document {
			document := g.send(request{method: method, path: "/v1/orders/" + id + tail, token: bob, body: body}).problem(problem.NotFound)
			document.Instance, document.TraceID = "", ""
			return document
		}
		want := look(unknown)
		for _, id := range []string{
			id, "order-1", "prod-kettle", "..%2f" + id, id + "%2fevents", "%00", strings.ToUpper(id), id + "%0a", "order-" + strings.Repeat("a", 4000),
		} {
			assert.Equal(t, want, look(id), id)
		}
	}
	assert.Empty(t, g.temporal.Updates())
}

func TestOperatorsReadEveryOrder(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	for _, scope := range []string{"ops", "admin"} {
		answer := g.send(request{method: http.MethodGet, path: "/v1/orders/" + id, token: g.token("eve", scope)})
		assert.Equal(t, http.StatusOK, answer.Code)
	}
}

func TestEventsLeaveWithoutInternalFields(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.becomes(id, order.Draft, "")
	g.becomes(id, order.Confirmed, "")
	answer := g.get("/v1/orders/" + id + "/events")
	require.Equal(t, http.StatusOK, answer.Code)
	var list struct {
		Items []order.Event `json:"items"`
	}
	answer.into(&list)
	require.Len(t, list.Items, 2)
	assert.EqualValues(t, 1, list.Items[0].Version)
	assert.Equal(t, id, list.Items[0].AggregateID)
	assert.NotContains(t, answer.Body.String(), "secret-hash")
	assert.Contains(t, string(list.Items[0].Payload), "9007199254740993", "no number is rounded")
}

func TestEventsNeedTheOrderService(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.orders.fail(away("order"))
	g.get("/v1/orders/" + id + "/events").problem(problem.Unavailable)
}

func TestAnOrderAsItWas(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.becomes(id, order.Draft, "")
	g.becomes(id, order.Confirmed, "")
	path := "/v1/orders/" + id + "/events?asOf="

	answer := g.get(path + eventTime(1).Add(time.Second).Format(time.RFC3339))
	require.Equal(t, http.StatusOK, answer.Code)
	var view orderview.View
	answer.into(&view)
	assert.EqualValues(t, 1, view.Version)
	assert.Equal(t, order.Draft, view.Status)
	assert.NotContains(t, answer.Body.String(), "requestHash")

	g.get(path + eventTime(0).Format(time.RFC3339)).problem(problem.NotFound)
	for _, wrong := range []string{"", "yesterday", "2026-11-23", "2026-11-23T12:00:00", "1", "2026-11-23T12:00:00Z&asOf=2026-11-23T12:00:00Z"} {
		g.get(path + wrong).problem(problem.Malformed)
	}
}

func TestACustomersOrdersArePaged(t *testing.T) {
	g := newGateway(t)
	answer := g.get("/v1/customers/cust-ada/orders?page=2&limit=10&status=shipped")
	require.Equal(t, http.StatusOK, answer.Code, answer.Body.String())
	assert.JSONEq(t, `{"items":[],"page":2,"limit":10,"total":35,"links":{
		"self":"/v1/customers/cust-ada/orders?limit=10&page=2&status=shipped",
		"next":"/v1/customers/cust-ada/orders?limit=10&page=3&status=shipped",
		"prev":"/v1/customers/cust-ada/orders?limit=10&page=1&status=shipped"}}`, answer.Body.String())
	assert.Equal(t, []order.ListQuery{{CustomerID: "cust-ada", Status: order.Shipped, Page: 2, Limit: 10}}, g.orders.lists)

	last := g.get("/v1/customers/cust-ada/orders?page=4&status=")
	assert.NotContains(t, last.Body.String(), "next")
	first := g.get("/v1/customers/cust-ada/orders")
	assert.NotContains(t, first.Body.String(), "prev")
}

func TestLinksToOtherPagesEndTheListWhereTheFirstDid(t *testing.T) {
	g := newGateway(t)
	g.orders.upTo = 35
	first := g.get("/v1/customers/cust-ada/orders")
	assert.Contains(t, first.Body.String(), `"next":"/v1/customers/cust-ada/orders?limit=10\u0026page=2\u0026upTo=35"`)
	g.orders.upTo = 99
	second := g.get("/v1/customers/cust-ada/orders?limit=10&page=2&upTo=35")
	assert.Contains(t, second.Body.String(), `upTo=35`)
	assert.NotContains(t, second.Body.String(), `upTo=99`)
	assert.EqualValues(t, 35, g.orders.lists[1].UpTo)
}

func TestPagesOutsideTheirRangeAreMalformed(t *testing.T) {
	g := newGateway(t)
	for _, query := range []string{
		"page=0", "page=-1", "page=x", "limit=0", "limit=101", "limit=1000000000", "status=lost", "status=SHIPPED",
		"status=draft&status=shipped", "page=9223372036854775808",
		"upTo=", "upTo=0", "upTo=x", "upTo=1&upTo=2",
	} {
		g.get("/v1/customers/cust-ada/orders?" + query).problem(problem.Malformed)
		if !strings.HasPrefix(query, "status") && !strings.HasPrefix(query, "upTo") {
			g.get("/v1/products?" + query).problem(problem.Malformed)
		}
	}
	assert.Empty(t, g.orders.lists)
}
