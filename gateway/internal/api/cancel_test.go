package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

func (g *gateway) cancel(orderID, token, body string) answer {
	g.t.Helper()
	return g.send(request{method: http.MethodPost, path: "/v1/orders/" + orderID + "/cancel", token: token, body: body})
}

func TestCancelAsksTheSaga(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.becomes(id, order.Confirmed, "")
	answer := g.cancel(id, g.ada(), `{"reason":"ordered twice"}`)
	require.Equal(t, http.StatusAccepted, answer.Code, answer.Body.String())
	var body accepted
	answer.into(&body)
	assert.Equal(t, id, body.OrderID)
	assert.Equal(t, order.Confirmed, body.Status)
	require.Len(t, g.temporal.Updates(), 1)
	assert.Equal(t, []any{contract.CancelRequest{Reason: "ordered twice", RequestedBy: "cust-ada"}}, g.temporal.Updates()[0].Args)
}

func TestCancelWorksBeforeTheOrderServiceHasTheOrder(t *testing.T) {
	g := newGateway(t)
	assert.Equal(t, http.StatusAccepted, g.cancel(g.placed(), g.ada(), `{"reason":"x"}`).Code)
}

func TestCancelComesTooLateOrTwice(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(g *gateway, id string)
		code    problem.Code
	}{
		"shipped":              {func(g *gateway, id string) { g.becomes(id, order.Shipped, order.SagaCompleted) }, problem.TooLate},
		"cancelled":            {func(g *gateway, id string) { g.becomes(id, order.Cancelled, order.SagaCompensated) }, problem.Conflict},
		"saga says too late":   {func(g *gateway, _ string) { g.temporal.Update = refuse(contract.ErrorTooLate) }, problem.TooLate},
		"saga cancels already": {func(g *gateway, _ string) { g.temporal.Update = refuse(contract.ErrorAlreadyCancelled) }, problem.Conflict},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			id := g.placed()
			test.prepare(g, id)
			g.cancel(id, g.ada(), `{"reason":"x"}`).problem(test.code)
		})
	}
}

func TestOnlyOwnersAndAdminsCancel(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.cancel(id, g.token("eve", "ops"), `{"reason":"x"}`).problem(problem.Forbidden)
	g.cancel(id, g.token("eve", "ops orders:write"), `{"reason":"x"}`).problem(problem.Forbidden)
	assert.Empty(t, g.temporal.Updates())
	assert.Equal(t, http.StatusAccepted, g.cancel(id, g.token("root", "admin"), `{"reason":"x"}`).Code)
}
