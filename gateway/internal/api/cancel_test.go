package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

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
	refuse := func(kind string) func(context.Context, string, []any) error {
		return func(context.Context, string, []any) error { return temporal.NewApplicationError("no", kind) }
	}
	for name, test := range map[string]struct {
		prepare func(g *gateway, id string)
		code    problem.Code
	}{
		"shipped":              {func(g *gateway, id string) { g.becomes(id, order.Shipped, order.SagaCompleted) }, problem.TooLate},
		"cancelled":            {func(g *gateway, id string) { g.becomes(id, order.Cancelled, order.SagaCompensated) }, problem.Conflict},
		"saga says too late":   {func(g *gateway, _ string) { g.temporal.Update = refuse(contract.ErrorTooLate) }, problem.TooLate},
		"saga cancels already": {func(g *gateway, _ string) { g.temporal.Update = refuse(contract.ErrorAlreadyCancelled) }, problem.Conflict},
		"ends meanwhile": {func(g *gateway, id string) {
			g.temporal.Update = func(context.Context, string, []any) error {
				g.becomes(id, order.Shipped, order.SagaCompleted)
				return temporal.NewApplicationError("closed", "AcceptedUpdateCompletedWorkflow")
			}
		}, problem.TooLate},
		"ended, and only Temporal knows": {func(g *gateway, id string) {
			g.orders.fail(away("order"))
			g.temporal.Close(id, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
		}, problem.TooLate},
		"no worker": {func(g *gateway, _ string) { g.temporal.NoWorker = true }, problem.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			id := g.placed()
			test.prepare(g, id)
			g.cancel(id, g.ada(), `{"reason":"x"}`).problem(test.code)
		})
	}
}

func TestCancelNeedsAReason(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	for body, code := range map[string]problem.Code{
		`{}`: problem.Invalid, `{"reason":""}`: problem.Invalid, `{"reason":null}`: problem.Invalid, `{"reason":7}`: problem.Invalid,
		`{"reason":"a\nb"}`: problem.Invalid, `{"reason":"` + strings.Repeat("x", 201) + `"}`: problem.Invalid,
		`{"reason":"x","force":true}`: problem.Malformed, `[]`: problem.Malformed, ``: problem.Malformed,
	} {
		g.cancel(id, g.ada(), body).problem(code)
	}
	assert.Empty(t, g.temporal.Updates())
}

func TestOnlyOwnersAndAdminsCancel(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.cancel(id, g.token("eve", "ops"), `{"reason":"x"}`).problem(problem.Forbidden)
	g.cancel(id, g.token("eve", "ops orders:write"), `{"reason":"x"}`).problem(problem.Forbidden)
	assert.Empty(t, g.temporal.Updates())
	assert.Equal(t, http.StatusAccepted, g.cancel(id, g.token("root", "admin"), `{"reason":"x"}`).Code)
}
