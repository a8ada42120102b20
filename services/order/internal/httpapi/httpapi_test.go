package httpapi_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/services/order/ordertest"
)

const (
	validKey       = `{"orderId":"order-1","step":"create-order","revision":1}`
	validItem      = `{"productId":"prod-kettle","productName":"Kettle","quantity":2,"unitPrice":{"amount":4999,"currency":"USD"}}`
	validPlacement = `{"orderId":"order-1","customerId":"cust-ada","customerName":"Ada","items":[` + validItem + `],
		"total":{"amount":9998,"currency":"USD"},"acceptedAt":"2026-03-01T12:00:00Z"}`
	validCreate       = `{"key":` + validKey + `,"placement":` + validPlacement + `}`
	validShip         = `{"key":` + validKey + `,"trackingNumber":"T-1","carrier":"Parcel","saga":{"state":"completed","steps":[]}}`
	validIntervention = `{"key":{"orderId":"order-1","step":"Intervention","revision":1},"intervention":{"action":"skip",
		"step":"RefundPayment","actor":"ops-jane","reason":"the acquirer is gone","at":"2026-03-01T14:00:04+02:00"}}`
	validCancel = `{"key":` + validKey + `,"reason":"declined","saga":{"state":"compensated","steps":[]},"placement":` + validPlacement + `}`
)

// send returns the status and the body of the answer.
func send(t *testing.T, method, url, body string) (int, http.Header, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	content, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, response.Header, string(content)
}

func TestBadInputIsAnsweredWithAProblem(t *testing.T) {
	service := ordertest.Start(t)
	without := strings.NewReplacer
	for name, test := range map[string]struct {
		method, path, body string
		status             int
		pointer            string
	}{
		"empty body":                    {"POST", "/v1/orders", "", 400, ""},
		"array":                         {"POST", "/v1/orders", "[]", 400, ""},
		"trailing data":                 {"POST", "/v1/orders", validCreate + "{}", 400, ""},
		"duplicate member":              {"POST", "/v1/orders", `{"key":` + validKey + `,"key":` + validKey + `}`, 400, "/key"},
		"unknown member":                {"POST", "/v1/orders", `{"price":1}`, 400, "/price"},
		"10,000 deep":                   {"POST", "/v1/orders", strings.Repeat("[", 10_000), 400, ""},
		"over 1 MiB":                    {"POST", "/v1/orders", strings.Repeat(" ", 1<<20+1), 413, ""},
		"no members":                    {"POST", "/v1/orders", "{}", 422, "/key/orderId"},
		"quantity 1.5":                  {"POST", "/v1/orders", without(`"quantity":2`, `"quantity":1.5`).Replace(validCreate), 422, "/placement/items/0/quantity"},
		"quantity as text":              {"POST", "/v1/orders", without(`"quantity":2`, `"quantity":"2"`).Replace(validCreate), 422, "/placement/items/0/quantity"},
		"quantity 2^63":                 {"POST", "/v1/orders", without(`"quantity":2`, `"quantity":9223372036854775808`).Replace(validCreate), 422, "/placement/items/0/quantity"},
		"quantity 0":                    {"POST", "/v1/orders", without(`"quantity":2`, `"quantity":0`).Replace(validCreate), 422, "/placement/items/0/quantity"},
		"overflow of the total":         {"POST", "/v1/orders", without(`"quantity":2`, `"quantity":9223372036854775807`).Replace(validCreate), 422, "/placement/items/0/quantity"},
		"wrong total":                   {"POST", "/v1/orders", without(`"amount":9998`, `"amount":9997`).Replace(validCreate), 422, "/placement/total/amount"},
		"NUL in a name":                 {"POST", "/v1/orders", without(`"Ada"`, `"A\u0000"`).Replace(validCreate), 422, "/placement/customerName"},
		"lone surrogate":                {"POST", "/v1/orders", without(`"Ada"`, `"\ud800"`).Replace(validCreate), 400, ""},
		"time without a zone":           {"POST", "/v1/orders", without(`12:00:00Z`, `12:00:00`).Replace(validCreate), 422, "/placement/acceptedAt"},
		"confirm of another order":      {"POST", "/v1/orders/order-2/confirm", `{"key":` + validKey + `}`, 422, "/key/orderId"},
		"confirm of an unknown order":   {"POST", "/v1/orders/order-1/confirm", `{"key":` + validKey + `}`, 404, ""},
		"ship with a running saga":      {"POST", "/v1/orders/order-1/ship", without("completed", "running").Replace(validShip), 422, "/saga/state"},
		"ship of an unknown order":      {"POST", "/v1/orders/order-1/ship", validShip, 404, ""},
		"cancel without a reason":       {"POST", "/v1/orders/order-1/cancel", without("declined", "").Replace(validCancel), 422, "/reason"},
		"intervention without a reason": {"POST", "/v1/orders/order-1/interventions", without("the acquirer is gone", "").Replace(validIntervention), 422, "/intervention/reason"},
		"blank reason":                  {"POST", "/v1/orders/order-1/interventions", without("the acquirer is gone", "   ").Replace(validIntervention), 422, "/intervention/reason"},
		"reason of 501 characters":      {"POST", "/v1/orders/order-1/interventions", without("the acquirer is gone", strings.Repeat("x", 501)).Replace(validIntervention), 422, "/intervention/reason"},
		"NUL in a reason":               {"POST", "/v1/orders/order-1/interventions", without("the acquirer is gone", `\u0000`).Replace(validIntervention), 422, "/intervention/reason"},
		"line break in a reason":        {"POST", "/v1/orders/order-1/interventions", without("the acquirer is gone", `a\r\nb`).Replace(validIntervention), 422, "/intervention/reason"},
		"unknown action":                {"POST", "/v1/orders/order-1/interventions", without("skip", "forget").Replace(validIntervention), 422, "/intervention/action"},
		"hold of one step":              {"POST", "/v1/orders/order-1/interventions", without("skip", "hold").Replace(validIntervention), 422, "/intervention/step"},
		"control character in an actor": {"POST", "/v1/orders/order-1/interventions", without("ops-jane", `ops\u001bjane`).Replace(validIntervention), 422, "/intervention/actor"},
		"decision without a time":       {"POST", "/v1/orders/order-1/interventions", without(`,"at":"2026-03-01T14:00:04+02:00"`, "").Replace(validIntervention), 422, "/intervention/at"},
		"decision on another day":       {"POST", "/v1/orders/order-1/interventions", without("2026-03-01T", "tomorrow").Replace(validIntervention), 422, "/intervention/at"},
		"decision under a step's key":   {"POST", "/v1/orders/order-1/interventions", without("Intervention", "RefundPayment").Replace(validIntervention), 422, "/key/step"},
		"decision about another order":  {"POST", "/v1/orders/order-2/interventions", validIntervention, 422, "/key/orderId"},
		"decision of an unknown order":  {"POST", "/v1/orders/order-1/interventions", validIntervention, 404, ""},
		"decision with a member more":   {"POST", "/v1/orders/order-1/interventions", without(`"actor"`, `"who":"x","actor"`).Replace(validIntervention), 400, "/intervention/who"},
		"unknown order":                 {"GET", "/v1/orders/order-9", "", 404, ""},
		"an ID that is a path":          {"GET", "/v1/orders/..%2forder-1", "", 404, ""},
		"events of an unknown order":    {"GET", "/v1/orders/order-9/events", "", 404, ""},
		"asOf that is no time":          {"GET", "/v1/orders/order-9?asOf=yesterday", "", 400, ""},
		"asOf while waiting":            {"GET", "/v1/orders/order-9?asOf=2026-03-01T12:00:00Z&wait=1", "", 400, ""},
		"after -1":                      {"GET", "/v1/orders/order-9?after=-1", "", 400, ""},
		"after that is no number":       {"GET", "/v1/orders/order-9?after=x", "", 400, ""},
		"wait of -1 s":                  {"GET", "/v1/orders/order-9?wait=-1", "", 400, ""},
		"wait of 61 s":                  {"GET", "/v1/orders/order-9?wait=61", "", 400, ""},
		"wait of NaN":                   {"GET", "/v1/orders/order-9?wait=NaN", "", 400, ""},
		"misspelt parameter":            {"GET", "/v1/orders/order-9?asof=2026-03-01T12:00:00Z", "", 400, ""},
		"page 0":                        {"GET", "/v1/customers/cust-ada/orders?page=0", "", 400, ""},
		"page -1":                       {"GET", "/v1/customers/cust-ada/orders?page=-1", "", 400, ""},
		"page that is no number":        {"GET", "/v1/customers/cust-ada/orders?page=x", "", 400, ""},
		"page twice":                    {"GET", "/v1/customers/cust-ada/orders?page=1&page=2", "", 400, ""},
		"limit 0":                       {"GET", "/v1/customers/cust-ada/orders?limit=0", "", 400, ""},
		"limit 10^9":                    {"GET", "/v1/customers/cust-ada/orders?limit=1000000000", "", 400, ""},
		"unknown status":                {"GET", "/v1/customers/cust-ada/orders?status=lost", "", 400, ""},
		"upTo 0":                        {"GET", "/v1/customers/cust-ada/orders?upTo=0", "", 400, ""},
		"upTo 2^63":                     {"GET", "/v1/customers/cust-ada/orders?upTo=9223372036854775808", "", 400, ""},
		"seenVersion that is no number": {"GET", "/v1/customers/cust-ada/orders?seenOrder=order-1&seenVersion=x", "", 400, ""},
		"seenOrder alone":               {"GET", "/v1/customers/cust-ada/orders?seenOrder=order-1", "", 400, ""},
		"seenVersion alone":             {"GET", "/v1/customers/cust-ada/orders?seenVersion=1", "", 400, ""},
		"broken escape":                 {"GET", "/v1/customers/cust-ada/orders?status=%zz", "", 400, ""},
		"wrong method":                  {"DELETE", "/v1/orders/order-1", "", 405, ""},
	} {
		t.Run(name, func(t *testing.T) {
			status, header, body := send(t, test.method, service.URL+test.path, test.body)
			assert.Equal(t, test.status, status, body)
			assert.Equal(t, problem.MediaType, header.Get("Content-Type"))
			var document problem.Document
			require.NoError(t, json.Unmarshal([]byte(body), &document))
			assert.Equal(t, test.status, document.Status)
			if test.pointer != "" {
				require.NotEmpty(t, document.Errors)
				assert.Equal(t, test.pointer, document.Errors[0].Pointer)
			}
		})
	}
	status, _, _ := send(t, "GET", service.URL+"/v1/orders/order-1/events", "")
	assert.Equal(t, http.StatusNotFound, status, "nothing was stored")
}

func TestRoutesAnswerInTheContractsShape(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 5, 0, time.UTC)
	service := ordertest.Start(t, ordertest.WithClock(func() time.Time { return at }))

	status, _, body := send(t, "POST", service.URL+"/v1/orders", validCreate)
	require.Equal(t, http.StatusOK, status, body)
	assert.JSONEq(t, `{"orderId":"order-1","status":"draft","version":1}`, body)

	status, _, body = send(t, "GET", service.URL+"/v1/orders/order-1", "")
	require.Equal(t, http.StatusOK, status, body)
	assert.JSONEq(t, `{"orderId":"order-1","customerId":"cust-ada","customerName":"Ada","items":[`+validItem+`],
		"totalAmount":{"amount":9998,"currency":"USD"},"status":"draft","version":1,
		"createdAt":"2026-03-01T12:00:05Z","updatedAt":"2026-03-01T12:00:05Z"}`, body)

	for name, query := range map[string]string{
		"before": "asOf=2026-03-01T12:00:04Z", "after": "asOf=2026-03-01T12:00:05Z", "in another zone": "asOf=2026-03-01T14:00:05%2B02:00",
	} {
		status, _, _ = send(t, "GET", service.URL+"/v1/orders/order-1?"+query, "")
		assert.Equal(t, name == "before", status == http.StatusNotFound, name)
	}

	status, _, body = send(t, "GET", service.URL+"/v1/orders/order-1/events", "")
	require.Equal(t, http.StatusOK, status, body)
	var events struct{ Items []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(body), &events))
	require.Len(t, events.Items, 1)
	assert.Regexp(t, "^event-", events.Items[0]["eventId"])
	for member, want := range map[string]any{
		"aggregateId": "order-1", "aggregateType": "Order", "eventType": "OrderCreated",
		"version": 1.0, "schemaVersion": 1.0, "timestamp": "2026-03-01T12:00:05Z",
	} {
		assert.Equal(t, want, events.Items[0][member], member)
	}

	status, _, body = send(t, "GET", service.URL+"/v1/customers/cust-nobody/orders", "")
	require.Equal(t, http.StatusOK, status)
	assert.JSONEq(t, `{"items":[],"page":1,"limit":10,"total":0}`, body)

	status, _, body = send(t, "GET", service.URL+"/v1/customers/cust-ada/orders?seenOrder=order-1&seenVersion=1&upTo=9", "")
	require.Equal(t, http.StatusOK, status)
	assert.JSONEq(t, `{"items":[{"orderId":"order-1","customerId":"cust-ada","customerName":"Ada","itemCount":1,
		"totalAmount":{"amount":9998,"currency":"USD"},"status":"draft","createdAt":"2026-03-01T12:00:05Z","version":1}],
		"page":1,"limit":10,"total":1,"upTo":1}`, body)

	status, _, _ = send(t, "POST", service.URL+"/v1/orders/order-1/cancel", validCancel)
	require.Equal(t, http.StatusOK, status)
	status, _, body = send(t, "POST", service.URL+"/v1/orders", validCreate)
	assert.Equal(t, http.StatusConflict, status)
	assert.Contains(t, body, "already-compensated")
}

// A decision is an event of the order, and nothing else of it changes but the
// version and the time.
func TestADecisionStandsInTheOrdersEvents(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 5, 0, time.UTC)
	service := ordertest.Start(t, ordertest.WithClock(func() time.Time { return at }))
	status, _, body := send(t, "POST", service.URL+"/v1/orders", validCreate)
	require.Equal(t, http.StatusOK, status, body)
	_, _, before := send(t, "GET", service.URL+"/v1/orders/order-1", "")
	at = at.Add(time.Second)
	for range 2 {
		status, _, body = send(t, "POST", service.URL+"/v1/orders/order-1/interventions", validIntervention)
		require.Equal(t, http.StatusOK, status, body)
		assert.JSONEq(t, `{"orderId":"order-1","status":"draft","version":2}`, body)
	}
	changed := strings.NewReplacer("ops-jane", "ops-joe").Replace(validIntervention)
	status, _, body = send(t, "POST", service.URL+"/v1/orders/order-1/interventions", changed)
	assert.Equal(t, http.StatusConflict, status)
	assert.Contains(t, body, "key-reused")

	status, _, body = send(t, "GET", service.URL+"/v1/orders/order-1/events", "")
	require.Equal(t, http.StatusOK, status)
	var events struct {
		Items []struct {
			EventType string          `json:"eventType"`
			Payload   json.RawMessage `json:"payload"`
		} `json:"items"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &events))
	require.Len(t, events.Items, 2)
	assert.Equal(t, "OrderIntervened", events.Items[1].EventType)
	assert.JSONEq(t, `{"action":"skip","step":"RefundPayment","actor":"ops-jane","reason":"the acquirer is gone",
		"at":"2026-03-01T12:00:04Z"}`, string(events.Items[1].Payload))

	want := strings.NewReplacer(`"version":1`, `"version":2`, `"updatedAt":"2026-03-01T12:00:05Z"`, `"updatedAt":"2026-03-01T12:00:06Z"`).Replace(before)
	require.NotEqual(t, before, want)
	for _, query := range []string{"", "?asOf=2026-03-01T12:00:06Z", "?after=1&wait=1"} {
		_, _, body = send(t, "GET", service.URL+"/v1/orders/order-1"+query, "")
		assert.JSONEq(t, want, body, query)
	}
	_, _, body = send(t, "GET", service.URL+"/v1/orders/order-1?asOf=2026-03-01T12:00:05Z", "")
	assert.JSONEq(t, before, body)
	_, _, body = send(t, "GET", service.URL+"/v1/customers/cust-ada/orders?seenOrder=order-1&seenVersion=2", "")
	assert.Contains(t, body, `"status":"draft"`)
	assert.Contains(t, body, `"version":2`)
}
