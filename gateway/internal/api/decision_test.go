package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"orderflow/gateway/internal/orderview"
	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// decided is the answer to a message that the saga accepted.
type decided struct {
	OrderID string          `json:"orderId"`
	Saga    orderview.Saga  `json:"saga"`
	Links   orderview.Links `json:"links"`
}

func (g *gateway) post(path, token, body string) answer {
	g.t.Helper()
	return g.send(request{method: http.MethodPost, path: path, token: token, body: body})
}

func (g *gateway) eve() string { return g.token("eve", "ops") }

// refuse is an update that a saga refuses.
func refuse(kind string) func(context.Context, string, []any) error {
	return func(context.Context, string, []any) error { return temporal.NewApplicationError("no", kind) }
}

// messages are the routes that send a message to a saga: for each the path
// behind /v1, an acceptable body and who may send it.
var messages = map[string]struct {
	path, body string
	sender     func(*gateway) string
}{
	"cancel":  {"/orders/ORDER/cancel", `{"reason":"x"}`, (*gateway).ada},
	"hold":    {"/orders/ORDER/hold", `{"reason":"x"}`, (*gateway).ada},
	"release": {"/orders/ORDER/release", `{"reason":"x"}`, (*gateway).ada},
	"fix":     {"/orders/ORDER/fix", `{"payment":{"method":"pm_card_visa"},"reason":"x"}`, (*gateway).ada},
	"retry":   {"/ops/orders/ORDER/compensations/RefundPayment/retry", `{"reason":"x"}`, (*gateway).eve},
	"skip":    {"/ops/orders/ORDER/compensations/RefundPayment/skip", `{"reason":"x"}`, (*gateway).eve},
	"resolve": {"/ops/orders/ORDER/compensations/RefundPayment/resolve", `{"reason":"x"}`, (*gateway).eve},
}

func (g *gateway) message(name, orderID, body string) answer {
	g.t.Helper()
	return g.messageUnder(name, orderID, body)
}

// messageUnder sends a message under idempotency keys.
func (g *gateway) messageUnder(name, orderID, body string, keys ...string) answer {
	g.t.Helper()
	row := messages[name]
	return g.send(request{
		method: http.MethodPost, path: "/v1" + strings.Replace(row.path, "ORDER", orderID, 1), token: row.sender(g), body: body,
		header: http.Header{"Idempotency-Key": keys},
	})
}

func TestAMessageThatCannotBeDecidedIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(g *gateway, id string)
		code    problem.Code
	}{
		"too late":    {func(g *gateway, _ string) { g.temporal.Update = refuse(contract.ErrorTooLate) }, problem.TooLate},
		"wrong state": {func(g *gateway, _ string) { g.temporal.Update = refuse(contract.ErrorNotBlocked) }, problem.Conflict},
		"ends meanwhile as shipped": {func(g *gateway, id string) {
			g.temporal.Update = func(context.Context, string, []any) error {
				g.becomes(id, order.Shipped, order.SagaCompleted)
				return temporal.NewApplicationError("closed", "AcceptedUpdateCompletedWorkflow")
			}
		}, problem.TooLate},
		"ended, and nobody knows how": {func(g *gateway, id string) {
			g.becomes(id, order.Confirmed, "")
			g.temporal.Close(id, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
		}, problem.Conflict},
		"ended, and only Temporal knows": {func(g *gateway, id string) {
			g.orders.fail(away("order"))
			g.temporal.Close(id, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
		}, problem.TooLate},
		"ended, and Temporal has forgotten": {func(g *gateway, id string) {
			g.becomes(id, order.Cancelled, order.SagaCompensated)
			g.temporal.Forget(id)
		}, problem.Conflict},
		"nobody decides": {func(g *gateway, _ string) { g.temporal.NoWorker = true }, problem.Unavailable},
	} {
		for message, row := range messages {
			t.Run(message+": "+name, func(t *testing.T) {
				g := newGateway(t)
				id := g.placed()
				test.prepare(g, id)
				answer := g.message(message, id, row.body)
				answer.problem(test.code)
				assert.Equal(t, test.code == problem.Unavailable, answer.Header().Get("Retry-After") != "")
			})
		}
	}
}

func TestAMessageNeedsAReason(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	for name, row := range messages {
		head, _, _ := strings.Cut(row.body, `"reason"`)
		for reason, code := range map[string]problem.Code{
			`"reason":""}`: problem.Invalid, `"reason":" "}`: problem.Invalid, `"reason":7}`: problem.Invalid,
			`"reason":"a\nb"}`: problem.Invalid, `"reason":"` + strings.Repeat("x", 201) + `"}`: problem.Invalid,
			`"reason":"x","requestedBy":"root"}`: problem.Malformed, `"reason":"x","reason":"y"}`: problem.Malformed, `"reason":`: problem.Malformed,
		} {
			document := g.message(name, id, head+reason).problem(code)
			if code == problem.Invalid {
				assert.Equal(t, []string{"/reason"}, pointers(document), name+reason)
			}
		}
		for _, body := range []string{``, `[]`, `null`} {
			g.message(name, id, body).problem(problem.Malformed)
		}
		if name != "fix" {
			for _, body := range []string{`{}`, `{"reason":null}`} {
				assert.Equal(t, []string{"/reason"}, pointers(g.message(name, id, body).problem(problem.Invalid)))
			}
		}
	}
	assert.Empty(t, g.temporal.Updates())
}

func TestAMessageAboutAnUnknownOrderGoesNowhere(t *testing.T) {
	g := newGateway(t)
	unknown, err := contract.NewOrderID()
	require.NoError(t, err)
	for name, row := range messages {
		g.message(name, unknown, row.body).problem(problem.NotFound)
		g.message(name, "order-1", row.body).problem(problem.NotFound)
	}
	assert.Empty(t, g.temporal.Updates())
}

func TestAnAcceptedMessageIsAnsweredWithTheProgressAfterIt(t *testing.T) {
	since := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for name, row := range messages {
		if name == "cancel" {
			continue // it is answered like a placement
		}
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			g.temporal.Answer = contract.Progress{
				State: contract.SagaCompensated, Hold: &contract.Hold{Since: since, Reason: "fraud check", By: "somebody"},
				Steps: []contract.StepProgress{
					{Name: contract.StepChargePayment, State: contract.StepWaiting, Error: "declined"},
					{Name: contract.StepNotifyCustomer, State: contract.StepPending},
				},
			}
			id := g.placed()
			answer := g.message(name, id, row.body)
			require.Equal(t, http.StatusAccepted, answer.Code, answer.Body.String())
			var body decided
			answer.into(&body)
			assert.Equal(t, id, body.OrderID)
			assert.Equal(t, orderview.LinksOf(id), body.Links)
			assert.Equal(t, order.SagaCompensating, body.Saga.State, "the end is told by the order service alone")
			assert.Equal(t, []order.SagaStep{{Name: contract.StepChargePayment, State: "waiting", Error: "declined"}}, body.Saga.Steps)
			require.NotNil(t, body.Saga.Hold)
			assert.Equal(t, since, body.Saga.Hold.Since)
			assert.Equal(t, "fraud check", body.Saga.Hold.Reason)
		})
	}
}
