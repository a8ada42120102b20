package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"orderflow/gateway/internal/orderview"
	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

type attention struct {
	Items []struct {
		OrderID     string           `json:"orderId"`
		CustomerID  string           `json:"customerId"`
		StartedAt   time.Time        `json:"startedAt"`
		Workflow    string           `json:"workflow"`
		StoppedAt   time.Time        `json:"stoppedAt"`
		Saga        *orderview.Saga  `json:"saga"`
		WaitingFor  []obstacle       `json:"waitingFor"`
		Unavailable []orderview.Part `json:"unavailable"`
		Links       struct{ Order, Workflow string }
	} `json:"items"`
	Page  int                               `json:"page"`
	Limit int                               `json:"limit"`
	Total int                               `json:"total"`
	Links struct{ Self, Next, Prev string } `json:"links"`
}

type obstacle struct {
	Step         string `json:"step"`
	Compensation string `json:"compensation"`
	Error        string `json:"error"`
}

func (g *gateway) needsAttention(query string) attention {
	g.t.Helper()
	answer := g.send(request{method: http.MethodGet, path: "/v1/ops/attention" + query, token: g.eve()})
	require.Equal(g.t, http.StatusOK, answer.Code, answer.Body.String())
	var page attention
	answer.into(&page)
	return page
}

func (a attention) ids() []string {
	ids := []string{}
	for _, item := range a.Items {
		ids = append(ids, item.OrderID)
	}
	return ids
}

// flagged places an order whose workflow asks for an operator.
func (g *gateway) flagged() string {
	g.t.Helper()
	id := g.placed()
	g.temporal.Flag(id)
	return id
}

func TestAttentionTellsWhatAnOrderWaitsFor(t *testing.T) {
	g := newGateway(t)
	g.placed()
	id := g.flagged()
	g.temporal.Answer = contract.Progress{State: contract.SagaBlocked, Steps: []contract.StepProgress{
		{Name: contract.StepCreateOrder, State: contract.StepCompensated, Compensation: &contract.CompensationProgress{
			Name: contract.UndoCreateOrder, State: contract.StepDone}},
		{Name: contract.StepReserveInventory, State: contract.StepBlocked, Compensation: &contract.CompensationProgress{
			Name: contract.UndoReserveInventory, State: contract.StepBlocked, Error: "no answer"}},
		{Name: contract.StepChargePayment, State: contract.StepBlocked, Compensation: &contract.CompensationProgress{
			Name: contract.UndoChargePayment, State: contract.StepRunning}},
		{Name: contract.StepShipOrder, State: contract.StepWaiting, Error: "no such postal code"},
		{Name: contract.StepCommitInventory, State: contract.StepBlocked, Error: "stock is missing"},
		{Name: contract.StepCompleteOrder, State: contract.StepFailed, Error: "other"},
	}}
	page := g.needsAttention("")
	require.Equal(t, []string{id}, page.ids())
	item := page.Items[0]
	assert.Equal(t, "cust-ada", item.CustomerID)
	assert.False(t, item.StartedAt.IsZero())
	assert.Equal(t, "open", item.Workflow)
	assert.Equal(t, order.SagaBlocked, item.Saga.State)
	assert.Len(t, item.Saga.Steps, 6)
	assert.Equal(t, []obstacle{
		{Step: contract.StepReserveInventory, Compensation: contract.UndoReserveInventory, Error: "no answer"},
		{Step: contract.StepShipOrder, Error: "no such postal code"},
		{Step: contract.StepCommitInventory, Error: "stock is missing"},
	}, item.WaitingFor)
	assert.Empty(t, item.Unavailable)
	assert.Equal(t, "/v1/orders/"+id, item.Links.Order)
	assert.Equal(t, "https://temporal.example/"+id, item.Links.Workflow)
}

func TestAttentionWithoutAnybodyInNeedIsEmpty(t *testing.T) {
	g := newGateway(t)
	g.placed()
	answer := g.send(request{method: http.MethodGet, path: "/v1/ops/attention", token: g.eve()})
	assert.JSONEq(t, `{"items":[],"page":1,"limit":10,"total":0,"links":{"self":"/v1/ops/attention?limit=10&page=1"}}`, answer.Body.String())
}

// An order that was helped a moment ago may still be listed.
func TestAnOrderThatWaitsForNothingSaysSo(t *testing.T) {
	g := newGateway(t)
	g.flagged()
	answer := g.send(request{method: http.MethodGet, path: "/v1/ops/attention", token: g.eve()})
	assert.Contains(t, answer.Body.String(), `"waitingFor":[]`)
}

func TestAttentionWithoutAWorkerStillListsTheOrders(t *testing.T) {
	g := newGateway(t)
	g.flagged()
	g.flagged()
	g.temporal.Change(func(s *orderWorkflows) { s.NoWorker = true })
	page := g.needsAttention("")
	assert.Equal(t, 2, page.Total)
	require.Len(t, page.Items, 2)
	for _, item := range page.Items {
		assert.Nil(t, item.Saga)
		assert.Equal(t, []orderview.Part{orderview.PartSaga}, item.Unavailable)
		assert.Empty(t, item.WaitingFor)
	}
}

func TestAttentionNeedsTemporal(t *testing.T) {
	g := newGateway(t)
	g.flagged()
	g.temporal.Change(func(s *orderWorkflows) { s.Down = true })
	answer := g.send(request{method: http.MethodGet, path: "/v1/ops/attention", token: g.eve()})
	answer.problem(problem.Unavailable)
	assert.NotEmpty(t, answer.Header().Get("Retry-After"))
}

// Whatever stopped the workflow, the order has not come to an end by it.
func TestAttentionListsStoppedOrdersUntilSomebodyTakesThemOver(t *testing.T) {
	g := newGateway(t)
	open := g.flagged()
	var stopped []string
	for _, status := range []enumspb.WorkflowExecutionStatus{
		enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT,
	} {
		id := g.placed()
		g.becomes(id, order.Confirmed, "")
		g.temporal.Close(id, status)
		stopped = append(stopped, id)
	}
	unknown := g.placed() // stopped before the order service heard of it
	g.temporal.Close(unknown, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)

	page := g.needsAttention("")
	assert.Equal(t, []string{unknown, stopped[1], stopped[0], open}, page.ids())
	assert.Equal(t, 4, page.Total)
	for i, kind := range []string{"terminated", "timed-out", "terminated", "open"} {
		assert.Equal(t, kind, page.Items[i].Workflow)
		assert.Equal(t, kind == "open", page.Items[i].StoppedAt.IsZero())
		assert.Equal(t, kind == "open", page.Items[i].Saga != nil)
		assert.Empty(t, page.Items[i].Unavailable)
	}

	g.temporal.Restart(stopped[0])
	g.becomes(stopped[1], order.Cancelled, order.SagaCompensated)
	page = g.needsAttention("")
	assert.Equal(t, []string{unknown, open}, page.ids())
	assert.Equal(t, 2, page.Total)
}

func TestAStoppedOrderWhoseServiceIsAwayIsListedAndMarked(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.temporal.Close(id, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
	g.orders.fail(away("order"))
	page := g.needsAttention("")
	require.Equal(t, []string{id}, page.ids())
	assert.Equal(t, []orderview.Part{orderview.PartOrder}, page.Items[0].Unavailable)
}

func TestAttentionIsPagedAcrossBothKinds(t *testing.T) {
	g := newGateway(t)
	want := []string{"", "", "", "", ""}
	for i := 4; i >= 2; i-- {
		want[i] = g.flagged()
	}
	for i := 1; i >= 0; i-- {
		want[i] = g.placed()
		g.temporal.Close(want[i], enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
	}
	for _, limit := range []int{1, 2, 3, 5, 10} {
		got := []string{}
		next := fmt.Sprint("/v1/ops/attention?limit=", limit)
		for next != "" {
			page := g.needsAttention(strings.TrimPrefix(next, "/v1/ops/attention"))
			assert.Equal(t, 5, page.Total)
			assert.LessOrEqual(t, len(page.Items), limit)
			got = append(got, page.ids()...)
			next = page.Links.Next
		}
		assert.Equal(t, want, got, "in pages of %d", limit)
	}
	assert.Empty(t, g.needsAttention("?page=7").Items)
}

func TestAttentionIsReadToABound(t *testing.T) {
	g := newGateway(t)
	for _, query := range []string{"page=0", "limit=0", "limit=101", "page=x", "page=1&page=2", "page=101", "page=11&limit=100", "page=92233720368547758"} {
		g.send(request{method: http.MethodGet, path: "/v1/ops/attention?" + query, token: g.eve()}).problem(problem.Malformed)
	}
	assert.Empty(t, g.needsAttention("?page=10&limit=100").Items)
}
