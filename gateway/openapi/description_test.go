package openapi_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/gateway/openapi"
	"orderflow/internal/problem"
)

var load = sync.OnceValues(openapi.Load)

func operation(t *testing.T, method, path string) *openapi.Operation {
	t.Helper()
	description, err := load()
	require.NoError(t, err)
	found, described := description.Operation(method, path)
	require.True(t, described, "%s %s", method, path)
	return found
}

func TestAnOperationTellsWhoMayUseIt(t *testing.T) {
	for route, scopes := range map[[2]string][]string{
		{http.MethodPost, "/v1/orders"}:                 {"orders:write", "admin"},
		{http.MethodGet, "/v1/orders/:orderId"}:         {"orders:read", "admin", "ops"},
		{http.MethodHead, "/v1/orders/:orderId"}:        {"orders:read", "admin", "ops"},
		{http.MethodPost, "/v1/ops/projection/rebuild"}: {"ops"},
		{http.MethodGet, "/v1/products"}:                nil,
		{http.MethodGet, "/healthz"}:                    nil,
	} {
		assert.Equal(t, scopes, operation(t, route[0], route[1]).Scopes, route)
	}
}

func TestWhatIsNotDescribedIsNoOperation(t *testing.T) {
	description, err := load()
	require.NoError(t, err)
	for _, route := range [][2]string{
		{http.MethodDelete, "/v1/orders/:orderId"}, {http.MethodGet, "/v1/orders/{orderId}"}, {http.MethodGet, "/v1/secrets"}, {"", ""},
	} {
		_, described := description.Operation(route[0], route[1])
		assert.False(t, described, route)
	}
}

func TestCheckQueryTakesWhatIsDescribedAndNothingElse(t *testing.T) {
	orders := operation(t, http.MethodGet, "/v1/customers/:customerId/orders")
	events := operation(t, http.MethodGet, "/v1/orders/:orderId/events")
	rows := operation(t, http.MethodGet, "/v1/ops/audit/:service")
	place := operation(t, http.MethodPost, "/v1/orders")
	for name, test := range map[string]struct {
		operation *openapi.Operation
		query     string
		want      string // "" where the query is described
	}{
		"nothing":             {place, "", ""},
		"all there is":        {orders, "page=2&limit=100&status=shipped&upTo=9", ""},
		"an empty choice":     {orders, "status=", ""},
		"a time":              {events, "asOf=2026-11-23T12:00:00.5%2B01:00", ""},
		"any text":            {rows, "table=%00&after=a%26b", ""},
		"unknown":             {orders, "pgae=2", "the query has an unknown parameter; known are limit, page, status, upTo"},
		"unknown beside":      {orders, "page=2&Page=2", "the query has an unknown parameter; known are limit, page, status, upTo"},
		"where there is none": {place, "dryRun=true", "the query has an unknown parameter; there is none here"},
		"without a name":      {place, "=", "the query has an unknown parameter; there is none here"},
		"without a value":     {orders, "page", "the parameter page must be an integer from 1 to 1000000000"},
		"twice":               {orders, "page=1&page=1", "the parameter page stands twice"},
		"too small":           {orders, "limit=0", "the parameter limit must be an integer from 1 to 100"},
		"too large":           {orders, "limit=101", "the parameter limit must be an integer from 1 to 100"},
		"beyond 64 bits":      {orders, "upTo=9223372036854775808", "the parameter upTo must be an integer from 1"},
		"a sign":              {orders, "page=%2B1", "the parameter page must be an integer from 1 to 1000000000"},
		"zeros in front":      {orders, "page=007", "the parameter page must be an integer from 1 to 1000000000"},
		"no integer":          {orders, "page=1e1", "the parameter page must be an integer from 1 to 1000000000"},
		"no choice":           {orders, "status=lost", "the parameter status must be one of draft, confirmed, shipped, cancelled"},
		"a day":               {events, "asOf=2026-11-23", "the parameter asOf must be a time of RFC 3339"},
		"a bad escape":        {orders, "page=%zz", "the query cannot be read"},
		"a semicolon":         {orders, "page=1;limit=2", "the query cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.operation.CheckQuery(test.query)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			var refusal *problem.Error
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, problem.Malformed, refusal.Code)
			assert.Equal(t, test.want, refusal.Document().Detail)
		})
	}
}
