package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/gateway/internal/orderview"
	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

func TestOperatorsDecideAboutABlockedStepByEitherName(t *testing.T) {
	for _, decision := range []string{contract.UpdateRetry, contract.UpdateSkip, contract.UpdateResolve} {
		for _, step := range append(contract.Steps(), "CancelOrder", "ReleaseInventory", "RefundPayment", "CancelShipment") {
			g := newGateway(t)
			id := g.placed()
			answer := g.post("/v1/ops/orders/"+id+"/compensations/"+step+"/"+decision, g.eve(), `{"reason":"paid back by hand"}`)
			require.Equal(t, http.StatusAccepted, answer.Code, answer.Body.String())
			require.Len(t, g.temporal.Updates(), 1)
			assert.Equal(t, decision, g.temporal.Updates()[0].UpdateName)
			assert.Equal(t, []any{contract.OperatorRequest{Step: step, Reason: "paid back by hand", RequestedBy: "eve"}}, g.temporal.Updates()[0].Args)
		}
	}
}

// Other compensations are not held up by a blocked one: the order's status may
// be its last while a refund still waits.
func TestOperatorsDecideAboutAnOrderThatIsCancelledAlready(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.becomes(id, order.Cancelled, "")
	answer := g.message("resolve", id, `{"reason":"paid back by hand"}`)
	assert.Equal(t, http.StatusAccepted, answer.Code, answer.Body.String())
}

func TestAStepThatNoOrderHasIsNotFound(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	for _, step := range []string{"Refund", "refundpayment", "RefundPayment%0a", "PlaceOrder", "%00", "..", "RecordIntervention"} {
		g.post("/v1/ops/orders/"+id+"/compensations/"+step+"/retry", g.eve(), `{"reason":"x"}`).problem(problem.NotFound)
	}
	g.post("/v1/ops/orders/"+id+"/compensations/RefundPayment/undo", g.eve(), `{"reason":"x"}`).problem(problem.NotFound)
	assert.Empty(t, g.temporal.Updates())
}

func TestARefusedDecisionTellsWhy(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	details := map[string]bool{}
	for _, kind := range []string{contract.ErrorNotBlocked, contract.ErrorNotSkippable} {
		g.temporal.Update = refuse(kind)
		details[g.message("skip", id, `{"reason":"x"}`).problem(problem.Conflict).Detail] = true
	}
	assert.Len(t, details, 2)
}

func TestOnlyOperatorsDecideAboutSteps(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	for _, who := range []string{"cust-ada orders:read orders:write", "root admin"} {
		for _, name := range []string{"retry", "skip", "resolve"} {
			g.post("/v1/ops/orders/"+id+"/compensations/RefundPayment/"+name, g.tokenOf(who), `{"reason":"x"}`).problem(problem.Forbidden)
		}
	}
	assert.Empty(t, g.temporal.Updates())
}

// What operators write about a compensation names them, and is not meant for
// customers.
func TestOnlyOperatorsReadHowACompensationWasEnded(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	const resolution = "skipped by eve: the acquirer is gone"
	g.temporal.Answer = contract.Progress{State: contract.SagaBlocked, Steps: []contract.StepProgress{{
		Name: contract.StepChargePayment, State: contract.StepFailed,
		Compensation: &contract.CompensationProgress{Name: contract.UndoChargePayment, State: contract.StepSkipped, Resolution: resolution},
	}}}
	look := func(who string) *order.Compensation {
		answer := g.send(request{method: http.MethodGet, path: "/v1/orders/" + id, token: g.tokenOf(who)})
		var view orderview.View
		answer.into(&view)
		require.Len(t, view.Saga.Steps, 1)
		return view.Saga.Steps[0].Compensation
	}
	check := func() {
		for who, text := range map[string]string{"cust-ada orders:read": "", "eve ops": resolution, "root admin": resolution} {
			assert.Equal(t, &order.Compensation{Name: contract.UndoChargePayment, State: "skipped", Resolution: text}, look(who), who)
		}
	}
	check()

	recorded := viewOf(g.temporal.Started()[id], order.Cancelled, order.SagaCompensated)
	recorded.Saga.Steps = []order.SagaStep{{Name: contract.StepChargePayment, State: "failed", Compensation: &order.Compensation{
		Name: contract.UndoChargePayment, State: "skipped", Resolution: resolution,
	}}}
	g.orders.add(recorded)
	check()
	check()

	past := g.get("/v1/orders/" + id + "/events?asOf=2026-12-01T00:00:00Z")
	require.Equal(t, http.StatusOK, past.Code)
	assert.Contains(t, past.Body.String(), contract.UndoChargePayment)
	assert.NotContains(t, past.Body.String(), resolution)
}
