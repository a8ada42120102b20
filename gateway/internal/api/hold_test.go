package api_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"orderflow/gateway/internal/orderview"
	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

func TestOwnersAdminsAndOperatorsHoldAndReleaseAnOrder(t *testing.T) {
	for subject, scope := range map[string]string{"cust-ada": "orders:write", "root": "admin", "eve": "ops"} {
		g := newGateway(t)
		id := g.placed()
		g.becomes(id, order.Confirmed, "")
		token := g.token(subject, scope)
		for i, update := range []string{contract.UpdateHold, contract.UpdateRelease} {
			answer := g.post("/v1/orders/"+id+"/"+update, token, `{"reason":"address unclear"}`)
			require.Equal(t, http.StatusAccepted, answer.Code, answer.Body.String())
			require.Len(t, g.temporal.Updates(), i+1)
			assert.Equal(t, update, g.temporal.Updates()[i].UpdateName)
			assert.Equal(t, []any{contract.HoldRequest{
				Reason: "address unclear", RequestedBy: subject, Operator: scope == "ops",
			}}, g.temporal.Updates()[i].Args)
		}
	}
}

func TestOnlyOperatorsReleaseWhatOneHolds(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.temporal.Update = func(_ context.Context, _ string, args []any) error {
		if request, ok := args[0].(contract.HoldRequest); ok && request.Operator {
			return nil
		}
		return temporal.NewApplicationError("no", contract.ErrorHeldByOperator)
	}
	for who, status := range map[string]int{
		"cust-ada orders:read orders:write": http.StatusConflict,
		"root admin":                        http.StatusConflict,
		"eve ops":                           http.StatusAccepted,
		"tom admin ops":                     http.StatusAccepted,
	} {
		answer := g.post("/v1/orders/"+id+"/release", g.tokenOf(who), `{"reason":"checked"}`)
		assert.Equal(t, status, answer.Code, who)
		if status == http.StatusConflict {
			assert.Contains(t, answer.problem(problem.Conflict).Detail, "only operators release it")
		}
	}
}

func TestNobodyElseHoldsAnOrder(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	for _, path := range []string{"/hold", "/release"} {
		g.post("/v1/orders/"+id+path, g.token("cust-bob", "orders:read orders:write"), `{"reason":"x"}`).problem(problem.NotFound)
		g.post("/v1/orders/"+id+path, g.token("cust-ada", "orders:read"), `{"reason":"x"}`).problem(problem.Forbidden)
	}
	assert.Empty(t, g.temporal.Updates())
}

func TestAHoldComesTooLateOrTwice(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	for kind, code := range map[string]problem.Code{
		contract.ErrorTooLate: problem.TooLate, contract.ErrorAlreadyCancelled: problem.Conflict,
		contract.ErrorAlreadyHeld: problem.Conflict, contract.ErrorNotHeld: problem.Conflict,
	} {
		g.temporal.Update = refuse(kind)
		assert.NotEmpty(t, g.post("/v1/orders/"+id+"/hold", g.ada(), `{"reason":"x"}`).problem(code).Detail)
	}
	g.becomes(id, order.Shipped, order.SagaCompleted)
	asked := len(g.temporal.Updates())
	g.post("/v1/orders/"+id+"/hold", g.ada(), `{"reason":"x"}`).problem(problem.TooLate)
	assert.Len(t, g.temporal.Updates(), asked, "a shipped order is not asked")
}

// Customers are told that and why an order is on hold, and operators also by
// whom.
func TestAHeldOrderTellsWhoHoldsItToThoseWhoMayKnow(t *testing.T) {
	since := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for holder, shown := range map[string]map[string]string{
		"eve":      {"cust-ada orders:read": "", "eve ops": "eve", "root admin": "eve", "tom ops": "eve"},
		"cust-ada": {"cust-ada orders:read": "cust-ada", "eve ops": "cust-ada"},
		"":         {"cust-ada orders:read": ""},
	} {
		g := newGateway(t)
		id := g.placed()
		g.becomes(id, order.Confirmed, "")
		g.temporal.Answer = contract.Progress{State: contract.SagaRunning, Hold: &contract.Hold{By: holder, Reason: "fraud check", Since: since}}
		for who, name := range shown {
			answer := g.send(request{method: http.MethodGet, path: "/v1/orders/" + id, token: g.tokenOf(who)})
			require.Equal(t, http.StatusOK, answer.Code)
			var view orderview.View
			answer.into(&view)
			assert.Equal(t, order.SagaRunning, view.Saga.State)
			assert.Equal(t, &orderview.Hold{Since: since, Reason: "fraud check", By: name}, view.Saga.Hold, "%s of %s", who, holder)
		}
		released := g.post("/v1/orders/"+id+"/release", g.ada(), `{"reason":"x"}`)
		var body decided
		released.into(&body)
		assert.Equal(t, shown["cust-ada orders:read"], body.Saga.Hold.By)
	}
}

func TestAnOrderThatIsNotHeldSaysNothingOfAHold(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	assert.NotContains(t, g.get("/v1/orders/"+id).Body.String(), `"hold"`)
}

func TestAStreamTellsAHoldAsTheOrderDoes(t *testing.T) {
	g := newGateway(t)
	base, _ := g.serve()
	id := g.placed()
	g.temporal.Answer = contract.Progress{State: contract.SagaRunning, Hold: &contract.Hold{By: "eve", Reason: "fraud check"}}
	g.becomes(id, order.Confirmed, "")
	_, events := g.watch(base, id, "")
	event, open := next(t, events)
	require.True(t, open)
	assert.Equal(t, &orderview.Hold{Reason: "fraud check"}, event.view.Saga.Hold)
}
