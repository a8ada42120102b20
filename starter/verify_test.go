package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/starter/internal/gatewaytest"
)

// books is a gateway over a system with a product and no orders.
func books(t *testing.T) *gatewaytest.Gateway {
	gateway := gatewaytest.New(t)
	gateway.Audited = map[string][]any{
		"order/event_head":       {map[string]any{"position": 0}},
		"order/projection":       {map[string]any{"generation": 1, "live": true, "position": 0}},
		"inventory/stock":        {map[string]any{"productId": "prod-cup", "onHand": 5, "version": 1}},
		"inventory/stock_change": {map[string]any{"productId": "prod-cup", "version": 1, "kind": "initial", "quantity": 5}},
	}
	return gateway
}

func TestVerifySaysWhatHoldsAndExits0(t *testing.T) {
	term := newTerminal(t, books(t))
	require.Equal(t, exitOK, term.run("verify"), term.stderr.String())
	assert.Contains(t, term.stdout.String(), "2 Stock              ok      products 1, initial 5, ")
	assert.Contains(t, term.stdout.String(), "; everything holds\n")
}

func TestVerifyNamesWhatIsBrokenAndExits1(t *testing.T) {
	gateway := books(t)
	gateway.Audited["inventory/stock"] = []any{map[string]any{"productId": "prod-cup", "onHand": 4, "version": 1}}
	term := newTerminal(t, gateway)
	require.Equal(t, exitNotAsWished, term.run("verify"))
	assert.Contains(t, term.stdout.String(), "2 Stock              BROKEN")
	assert.Contains(t, term.stdout.String(), "product prod-cup: ")
	assert.NotContains(t, term.stderr.String(), "starter:", "the report has said everything")

	require.Equal(t, exitNotAsWished, term.run("verify", "--json"))
	var report struct {
		OK         bool
		Invariants []struct{ Number, BreachCount int }
	}
	require.NoError(t, json.Unmarshal(term.stdout.Bytes(), &report))
	assert.False(t, report.OK)
	require.Len(t, report.Invariants, 8)
	assert.Equal(t, 1, report.Invariants[1].BreachCount)
}

func TestVerifyMissesAnOrderOfTheFile(t *testing.T) {
	file := writeFile(t, `{"reference":"r-1","customerId":"cust-ada","items":[{"productId":"prod-cup","quantity":1}],"shippingAddress":{"name":"A","line1":"L","city":"C","country":"GB"}}`+"\n")
	term := newTerminal(t, books(t))
	require.Equal(t, exitNotAsWished, term.run("verify", "--orders", file), term.stderr.String())
	assert.Contains(t, term.stdout.String(), "9 No lost acceptance BROKEN  accepted 1\n")
	assert.Contains(t, term.stdout.String(), "line 1 of "+file+" was accepted, but does not exist")
}

func TestVerifyWithoutAnAnswerExits3(t *testing.T) {
	term := newTerminal(t, nil)
	term.environment["ORDERFLOW_GATEWAY_ADDR"] = "127.0.0.1:1"
	assert.Equal(t, exitNoAnswer, term.run("verify", "--patience", "1s"))
	assert.Contains(t, term.stderr.String(), "starter: no verdict: reading order/projection: the gateway at http://127.0.0.1:1 does not answer")

	gateway := books(t)
	gateway.Inject(gatewaytest.Fault{Method: "GET", Path: "/v1/ops/audit/payment", Refusal: problem.New(problem.Unavailable, "away")})
	term = newTerminal(t, gateway)
	assert.Equal(t, exitNoAnswer, term.run("verify", "--patience", "1s"))
	assert.Empty(t, term.stdout.String(), "half a verdict is none")
}

func TestVerifyIsPatientWithABusyGateway(t *testing.T) {
	gateway := books(t)
	gateway.Inject(gatewaytest.Fault{Method: "GET", Path: "/v1/ops", Skip: 3, Times: 4, Refusal: problem.New(problem.RateLimited, "slow down")})
	assert.Equal(t, exitOK, newTerminal(t, gateway).run("verify"))
}

func TestVerifyWithATokenThatMayNotExits1(t *testing.T) {
	gateway := books(t)
	gateway.Inject(gatewaytest.Fault{Method: "GET", Path: "/v1/ops", Refusal: problem.New(problem.Forbidden, "this needs the scope ops")})
	term := newTerminal(t, gateway)
	assert.Equal(t, exitNotAsWished, term.run("verify"))
	assert.Contains(t, term.stderr.String(), "this needs the scope ops")
}
