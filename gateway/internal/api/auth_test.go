package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/gateway/internal/api"
	"orderflow/gateway/internal/ratelimit"
	"orderflow/internal/problem"
	"orderflow/internal/token"
	"orderflow/services/order"
)

// rights has an entry for every route under /v1: the statuses for the owner,
// another customer, a token without any scope, an operator and an admin. A
// route without an entry fails TestRightsAreComplete.
var rights = map[string]struct {
	path, body                              string
	owner, other, scopeless, operator, root int
}{
	"POST /v1/orders":                       {"/v1/orders", validBody, 202, 422, 403, 403, 202},
	"POST /v1/orders/batch":                 {"/v1/orders/batch", lineOf(""), 200, 200, 403, 403, 200},
	"GET /v1/orders/{orderId}":              {"/v1/orders/ORDER", "", 200, 404, 403, 200, 200},
	"GET /v1/orders/{orderId}/events":       {"/v1/orders/ORDER/events", "", 200, 404, 403, 200, 200},
	"GET /v1/orders/{orderId}/stream":       {"/v1/orders/ORDER/stream", "", 200, 404, 403, 200, 200},
	"POST /v1/orders/{orderId}/cancel":      {"/v1/orders/ORDER/cancel", `{"reason":"x"}`, 409, 404, 403, 403, 409},
	"POST /v1/orders/{orderId}/hold":        {"/v1/orders/ORDER/hold", `{"reason":"x"}`, 409, 404, 403, 409, 409},
	"POST /v1/orders/{orderId}/release":     {"/v1/orders/ORDER/release", `{"reason":"x"}`, 409, 404, 403, 409, 409},
	"POST /v1/orders/{orderId}/fix":         {"/v1/orders/ORDER/fix", `{"payment":{"method":"pm_x"}}`, 409, 404, 403, 403, 409},
	"GET /v1/customers/{customerId}/orders": {"/v1/customers/cust-ada/orders", "", 200, 404, 403, 200, 200},
	"GET /v1/customers/{customerId}":        {"/v1/customers/cust-ada", "", 200, 404, 200, 200, 200},
	"PUT /v1/customers/{customerId}":        {"/v1/customers/cust-ada", `{"customerId":"cust-ada","name":"A"}`, 403, 403, 403, 403, 200},
	"GET /v1/products":                      {"/v1/products", "", 200, 200, 200, 200, 200},
	"GET /v1/products/{productId}":          {"/v1/products/prod-cup", "", 200, 200, 200, 200, 200},
	"PUT /v1/products/{productId}":          {"/v1/products/prod-cup", `{"productId":"prod-cup","name":"C","unitPrice":{"amount":1,"currency":"USD"}}`, 403, 403, 403, 403, 200},
	"GET /v1/inventory/{productId}":         {"/v1/inventory/prod-kettle", "", 403, 403, 403, 200, 200},
	"PUT /v1/inventory/{productId}":         {"/v1/inventory/prod-kettle", `{"productId":"prod-kettle","onHand":9}`, 403, 403, 403, 403, 200},
	"GET /v1/ops/audit/{service}":           {"/v1/ops/audit/inventory?table=stock", "", 403, 403, 403, 200, 403},
	"GET /v1/ops/attention":                 {"/v1/ops/attention", "", 403, 403, 403, 200, 403},
	"GET /v1/ops/breakers":                  {"/v1/ops/breakers", "", 403, 403, 403, 200, 403},
	"GET /v1/ops/bulkheads":                 {"/v1/ops/bulkheads", "", 403, 403, 403, 200, 403},
	"GET /v1/ops/instances":                 {"/v1/ops/instances", "", 403, 403, 403, 200, 403},
	"GET /v1/ops/projection":                {"/v1/ops/projection", "", 403, 403, 403, 200, 403},
	"POST /v1/ops/projection/rebuild":       {"/v1/ops/projection/rebuild", "", 403, 403, 403, 202, 403},
	"GET /v1/ops/dependencies":              {"/v1/ops/dependencies", "", 403, 403, 403, 200, 403},

	"POST /v1/ops/dependencies/{service}/hold":    {"/v1/ops/dependencies/shipping/hold", `{"reason":"x"}`, 403, 403, 403, 202, 403},
	"POST /v1/ops/dependencies/{service}/release": {"/v1/ops/dependencies/payment/release", `{"reason":"x"}`, 403, 403, 403, 409, 403},

	"POST /v1/ops/orders/{orderId}/compensations/{step}/retry":   {"/v1/ops/orders/ORDER/compensations/RefundPayment/retry", `{"reason":"x"}`, 403, 403, 403, 202, 403},
	"POST /v1/ops/orders/{orderId}/compensations/{step}/skip":    {"/v1/ops/orders/ORDER/compensations/RefundPayment/skip", `{"reason":"x"}`, 403, 403, 403, 202, 403},
	"POST /v1/ops/orders/{orderId}/compensations/{step}/resolve": {"/v1/ops/orders/ORDER/compensations/RefundPayment/resolve", `{"reason":"x"}`, 403, 403, 403, 202, 403},
}

func TestRightsAreComplete(t *testing.T) {
	g := newGateway(t)
	for _, route := range served(g) {
		if strings.Contains(route, " /v1") {
			assert.Contains(t, rights, route, "every route needs a row of rights")
		}
	}
	for route := range rights {
		assert.Contains(t, served(g), route)
	}
}

func TestRights(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.becomes(id, order.Shipped, order.SagaCompleted)
	for route, row := range rights {
		method, _, _ := strings.Cut(route, " ")
		for who, test := range map[string]struct {
			token  string
			status int
		}{
			"owner":     {g.ada(), row.owner},
			"other":     {g.token("cust-bob", "orders:read orders:write"), row.other},
			"scopeless": {g.token("cust-ada", ""), row.scopeless},
			"operator":  {g.token("eve", "ops"), row.operator},
			"root":      {g.token("root", "admin"), row.root},
			"nobody":    {"", http.StatusUnauthorized},
		} {
			t.Run(route+" as "+who, func(t *testing.T) {
				path := strings.Replace(row.path, "ORDER", id, 1)
				sent := request{method: method, path: path, token: test.token, body: row.body}
				if path == api.BatchPath {
					sent.header = jsonl
				}
				answer := g.send(sent)
				assert.Equal(t, test.status, answer.Code, answer.Body.String())
				if answer.Code >= 400 {
					assert.Equal(t, problem.MediaType, answer.Header().Get("Content-Type"))
				}
			})
		}
	}
}

func TestWithoutAValidTokenNothingIsSaid(t *testing.T) {
	g := newGateway(t)
	expired, err := g.keys.Issue("cust-ada", "orders:write", time.Hour, time.Now().Add(-2*time.Hour))
	require.NoError(t, err)
	future, err := g.keys.Issue("cust-ada", "orders:write", time.Hour, time.Now().Add(time.Hour))
	require.NoError(t, err)
	strangers, _, err := token.OpenKeys(t.TempDir())
	require.NoError(t, err)
	stranger, err := strangers.Issue("cust-ada", "orders:write", time.Hour, time.Now())
	require.NoError(t, err)

	for name, test := range map[string]struct {
		authorization []string
		challenge     string
	}{
		"none":          {nil, `Bearer realm="orderflow"`},
		"empty":         {[]string{""}, "invalid_request"},
		"no token":      {[]string{"Bearer "}, "invalid_request"},
		"basic":         {[]string{"Basic YTpi"}, "invalid_request"},
		"two tokens":    {[]string{"Bearer " + g.ada(), "Bearer " + g.ada()}, "invalid_request"},
		"no JWT":        {[]string{"Bearer abc"}, "invalid_token"},
		"expired":       {[]string{"Bearer " + expired}, "invalid_token"},
		"not yet valid": {[]string{"Bearer " + future}, "invalid_token"},
		"another key":   {[]string{"Bearer " + stranger}, "invalid_token"},
	} {
		t.Run(name, func(t *testing.T) {
			g.t = t
			answer := g.place(http.Header{"Authorization": test.authorization})
			document := answer.problem(problem.Unauthenticated)
			assert.Contains(t, answer.Header().Get("WWW-Authenticate"), test.challenge)
			assert.NotContains(t, document.Detail, "expired")
			assert.Zero(t, g.temporal.StartCalls())
		})
	}
}

func TestAMissingScopeIsNamed(t *testing.T) {
	g := newGateway(t)
	answer := g.send(request{method: http.MethodPost, path: "/v1/orders", token: g.token("cust-ada", "orders:read"), body: validBody})
	answer.problem(problem.Forbidden)
	assert.Contains(t, answer.Header().Get("WWW-Authenticate"), `error="insufficient_scope", scope="orders:write admin"`)
}

func TestIdentityHeadersFromOutsideMeanNothing(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	header := http.Header{
		"X-User-Id": {"cust-ada"}, "X-Forwarded-User": {"cust-ada"}, "X-Customer-Id": {"cust-ada"}, "X-Scopes": {"admin"},
		"Orderflow-Order-Id": {id}, "X-Forwarded-For": {"127.0.0.1"}, "X-Original-Url": {"/healthz"}, "X-Http-Method-Override": {"GET"},
		"Connection": {"X-User-Id, Authorization"},
	}
	bob := g.token("cust-bob", "orders:read orders:write")
	g.send(request{method: http.MethodGet, path: "/v1/orders/" + id, token: bob, header: header}).problem(problem.NotFound)
	g.send(request{method: http.MethodGet, path: "/v1/orders/" + id, header: header}).problem(problem.Unauthenticated)
	g.send(request{method: http.MethodPut, path: "/v1/products/prod-cup", token: bob, header: header}).problem(problem.Forbidden)
}

func limited(rate, burst int) option {
	return func(o *options) { o.limits = ratelimit.Config{Rate: rate, Burst: burst} }
}

func TestEachPrincipalHasARateOfItsOwn(t *testing.T) {
	g := newGateway(t, limited(1, 3))
	for range 3 {
		require.Equal(t, http.StatusOK, g.get("/v1/products").Code)
	}
	refused := g.get("/v1/products")
	refused.problem(problem.RateLimited)
	assert.Equal(t, "1", refused.Header().Get("Retry-After"))

	bob := g.send(request{method: http.MethodGet, path: "/v1/products", token: g.token("cust-bob", "")})
	assert.Equal(t, http.StatusOK, bob.Code)
	assert.Equal(t, http.StatusOK, g.send(request{method: http.MethodGet, path: "/healthz"}).Code, "probes are never limited")
	assert.Equal(t, http.StatusOK, g.send(request{method: http.MethodGet, path: "/openapi.yaml"}).Code)
}

func TestWithoutATokenTheAddressIsLimited(t *testing.T) {
	g := newGateway(t, limited(1, 3))
	for range 3 {
		g.send(request{method: http.MethodGet, path: "/v1/products"}).problem(problem.Unauthenticated)
	}
	spoofed := http.Header{"X-Forwarded-For": {"203.0.113.9"}, "Forwarded": {"for=203.0.113.9"}}
	answer := g.send(request{method: http.MethodGet, path: "/v1/products", header: spoofed})
	answer.problem(problem.RateLimited)
	assert.Equal(t, http.StatusOK, g.get("/v1/products").Code, "whoever has a token is not counted by address")
}
