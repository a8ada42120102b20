package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"orderflow/internal/problem"
)

const shop = "https://shop.example"

func fromShop(o *options) { o.origins = []string{shop, "http://127.0.0.1:3000"} }

func preflight(path, origin, method string) request {
	return request{method: http.MethodOptions, path: path, header: http.Header{
		"Origin": {origin}, "Access-Control-Request-Method": {method}, "Access-Control-Request-Headers": {"authorization,content-type"},
	}}
}

func listed(value string) []string {
	names := strings.Split(strings.ReplaceAll(value, " ", ""), ",")
	slices.Sort(names)
	return names
}

func TestABrowsersQuestionIsAnsweredWithoutAToken(t *testing.T) {
	g := newGateway(t, fromShop)
	for path, methods := range map[string][]string{
		"/v1/orders":               {"POST"},
		"/v1/products/prod-kettle": {"GET", "HEAD", "PUT"},
		"/v1/orders/x/stream":      {"GET"},
	} {
		answer := g.send(preflight(path, shop, methods[0]))
		header := answer.Header()
		assert.Equal(t, http.StatusNoContent, answer.Code, path)
		assert.Empty(t, answer.Body.String())
		assert.Equal(t, shop, header.Get("Access-Control-Allow-Origin"))
		assert.Equal(t, methods, listed(header.Get("Access-Control-Allow-Methods")))
		// All that is read, and nothing else: the credential has one place.
		assert.ElementsMatch(t, []string{
			"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", "Prefer", "Traceparent",
		}, listed(header.Get("Access-Control-Allow-Headers")))
		assert.Equal(t, "600", header.Get("Access-Control-Max-Age"))
		assert.Contains(t, header.Values("Vary"), "Origin")
		assert.Empty(t, header.Get("Access-Control-Allow-Credentials"), "cookies are never allowed")
	}
	g.send(preflight("/v1/nowhere", shop, "GET")).problem(problem.NotFound)
}

func TestPagesOfListedOriginsMayRead(t *testing.T) {
	g := newGateway(t, fromShop)
	for _, test := range []struct {
		token  string
		status int
	}{{g.ada(), http.StatusOK}, {"", http.StatusUnauthorized}} {
		answer := g.send(request{method: http.MethodGet, path: "/v1/products", token: test.token, header: http.Header{"Origin": {shop}}})
		assert.Equal(t, test.status, answer.Code)
		assert.Equal(t, shop, answer.Header().Get("Access-Control-Allow-Origin"), "refusals are read, too")
		assert.Contains(t, listed(answer.Header().Get("Access-Control-Expose-Headers")), "Retry-After")
		assert.Empty(t, answer.Header().Get("Access-Control-Allow-Credentials"))
	}
}

func TestPagesOfOtherOriginsMayNot(t *testing.T) {
	g := newGateway(t, fromShop)
	for _, origin := range []string{"https://evil.example", "https://shop.example.evil.example", "http://shop.example", "https://SHOP.example", "null", "https://shop.example:444"} {
		answer := g.send(preflight("/v1/orders", origin, "POST"))
		answer.problem(problem.Forbidden)
		assert.Empty(t, answer.Header().Get("Access-Control-Allow-Origin"))
		answer = g.send(request{method: http.MethodGet, path: "/v1/products", token: g.ada(), header: http.Header{"Origin": {origin}}})
		assert.Equal(t, http.StatusOK, answer.Code)
		assert.Empty(t, answer.Header().Get("Access-Control-Allow-Origin"))
		assert.Contains(t, answer.Header().Values("Vary"), "Origin")
	}
	// The codec's pages are others, and have their own list.
	assert.Empty(t, g.send(preflight("/codec/decode", shop, "POST")).Header().Get("Access-Control-Allow-Origin"))
}

func TestWithoutOriginsNoPageMay(t *testing.T) {
	g := newGateway(t)
	g.send(preflight("/v1/orders", shop, "POST")).problem(problem.MethodNotAllowed)
	answer := g.send(request{method: http.MethodGet, path: "/v1/products", token: g.ada(), header: http.Header{"Origin": {shop}}})
	assert.Equal(t, http.StatusOK, answer.Code)
	assert.Empty(t, answer.Header().Get("Access-Control-Allow-Origin"))
	assert.Empty(t, answer.Header().Values("Vary"))
}

func TestAQuestionThatIsNoBrowsersIsAWrongMethod(t *testing.T) {
	g := newGateway(t, fromShop)
	g.send(request{method: http.MethodOptions, path: "/v1/orders"}).problem(problem.MethodNotAllowed)
	g.send(request{method: http.MethodOptions, path: "/v1/orders", header: http.Header{"Origin": {shop}}}).problem(problem.MethodNotAllowed)
}
