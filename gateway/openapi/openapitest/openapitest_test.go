package openapitest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/gateway/openapi/openapitest"
)

func TestTheDescriptionAndItsExamplesAreValid(t *testing.T) {
	count, err := openapitest.Load(t).Examples()
	require.NoError(t, err)
	assert.Positive(t, count)
}

const (
	product = `{"productId": "prod-kettle", "name": "Kettle", "unitPrice": {"amount": 4999, "currency": "USD"}, "discontinued": false, "version": 3, "updatedAt": "2026-01-02T03:04:05Z"}`
	line    = `{"customerId": "cust-ada", "items": [{"productId": "p", "quantity": 1}], "payment": {"method": "pm_card_visa"}, "shippingAddress": {"name": "A", "line1": "1", "city": "B", "postalCode": "C", "country": "GB"}}`
	outcome = `{"index": 0, "status": 202}`
	refusal = `{"type": "urn:orderflow:problem:not-found", "title": "Not found", "status": 404}`
)

func TestCheckTellsWhatIsDescribedFromWhatIsNot(t *testing.T) {
	cases := map[string]struct {
		method, path, contentType, body string
		status                          int
		answerType, answer              string
		header                          http.Header
		want                            string // "" where the exchange is described
	}{
		"as described":          {method: "GET", path: "/v1/products/prod-kettle", status: 200, answerType: "application/json", answer: product},
		"with a parameter":      {method: "GET", path: "/v1/products/prod-kettle", status: 200, answerType: "application/json; charset=utf-8", answer: product},
		"refused":               {method: "GET", path: "/v1/products/nobody", status: 404, answerType: "application/problem+json", answer: refusal},
		"without a body":        {method: "HEAD", path: "/readyz", status: 200},
		"HEAD, refused":         {method: "HEAD", path: "/v1/products/nobody", status: 404},
		"HEAD of a stream":      {method: "HEAD", path: "/v1/orders/order-1/stream", status: 405},
		"HEAD, undescribed":     {method: "HEAD", path: "/v1/products/p", status: 418, want: "status is not supported"},
		"large headers":         {method: "GET", path: "/v1/products/p", status: 431, answerType: "application/problem+json", answer: refusal},
		"not modified":          {method: "GET", path: "/v1/products/prod-kettle", status: 304},
		"unknown path":          {method: "GET", path: "/v1/nowhere", status: 404, answerType: "application/problem+json", answer: refusal},
		"unknown path, served":  {method: "GET", path: "/v1/nowhere", status: 200, want: "not described"},
		"undescribed method":    {method: "DELETE", path: "/v1/products/p", status: 204, want: "not described"},
		"undescribed status":    {method: "GET", path: "/v1/products/p", status: 418, want: "status is not supported"},
		"undescribed field":     {method: "GET", path: "/v1/products/p", status: 200, answerType: "application/json", answer: strings.Replace(product, `"name"`, `"cost": 1, "name"`, 1), want: "cost"},
		"missing field":         {method: "GET", path: "/v1/products/p", status: 200, answerType: "application/json", answer: `{"productId": "p"}`, want: "missing"},
		"wrong type of a field": {method: "GET", path: "/v1/products/p", status: 200, answerType: "application/json", answer: strings.Replace(product, "4999", `"4999"`, 1), want: "amount"},
		"undescribed type":      {method: "GET", path: "/v1/products/p", status: 200, answerType: "text/html", answer: "<p>", want: "text/html"},
		"two values":            {method: "GET", path: "/v1/products/p", status: 200, answerType: "application/json", answer: product + product, want: "more than one value"},
		"bad request, refused":  {method: "PUT", path: "/v1/products/p", contentType: "application/json", body: `{"nonsense": 1}`, status: 422, answerType: "application/problem+json", answer: refusal},
		"bad request, taken":    {method: "PUT", path: "/v1/products/p", contentType: "application/json", body: `{"nonsense": 1}`, status: 200, answerType: "application/json", answer: product, want: "taken, but not described"},
		"bad parameter, taken":  {method: "GET", path: "/v1/customers/cust-ada/orders?page=0", status: 200, answerType: "application/json", answer: "{}", want: "taken, but not described"},
		"lines":                 {method: "POST", path: "/v1/orders/batch", contentType: "application/jsonl", body: line + "\n" + line, status: 200, answerType: "application/jsonl", answer: outcome + "\n" + outcome},
		"no lines":              {method: "POST", path: "/v1/orders/batch", contentType: "application/jsonl", body: line, status: 200, answerType: "application/jsonl"},
		"one bad line":          {method: "POST", path: "/v1/orders/batch", contentType: "application/jsonl", body: "{}", status: 200, answerType: "application/jsonl", answer: outcome},
		"one bad outcome":       {method: "POST", path: "/v1/orders/batch", contentType: "application/jsonl", body: line, status: 200, answerType: "application/jsonl", answer: outcome + "\n" + `{"index": "1", "status": 202}`, want: "index"},
	}
	description := openapitest.Load(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			request := httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.body))
			request.Header.Set("Content-Type", c.contentType)
			err := description.Check(openapitest.Exchange{
				Request: request, RequestBody: []byte(c.body),
				Status: c.status, Header: http.Header{"Content-Type": {c.answerType}}, Body: []byte(c.answer),
			})
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}

// The transport hands bodies on as it got them, and says what is not described.
func TestTransportChecksAndHandsOn(t *testing.T) {
	answer := product
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(answer))
	}))
	defer server.Close()
	watcher := &failures{TB: t}
	client := &http.Client{Transport: openapitest.Transport(watcher, server.Client().Transport)}
	get := func() {
		response, err := client.Get(server.URL + "/v1/products/prod-kettle")
		require.NoError(t, err)
		defer func() { require.NoError(t, response.Body.Close()) }()
		body := new(strings.Builder)
		require.NoError(t, response.Write(body))
		assert.Contains(t, body.String(), answer)
	}
	get()
	require.Zero(t, watcher.count)
	answer = `{}`
	get()
	require.Equal(t, 1, watcher.count)
}

// failures counts what a test would fail of.
type failures struct {
	testing.TB
	count int
}

func (f *failures) Errorf(string, ...any) { f.count++ }
