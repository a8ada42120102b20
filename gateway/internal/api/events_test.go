package api_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/services/order"
)

// Customers learn what was decided about their orders, when and why, but no
// name of anybody who works for the shop.
func TestEventsTellCustomersNoNamesOfOperators(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.becomes(id, order.Draft, "")
	for _, recorded := range []struct{ eventType, payload string }{
		{"OrderIntervened", `{"action":"hold","actor":"ops-jane","reason":"a call","at":"2026-11-23T12:00:00Z"}`},
		{"OrderIntervened", `{"action":"fix","step":"ChargePayment","actor":"cust-ada","reason":"a new card","at":"2026-11-23T12:00:00Z"}`},
		{"OrderCancelled", `{"reason":"late","saga":{"state":"compensated","steps":[{"name":"CreateOrder","state":"compensated"},
			{"name":"ChargePayment","state":"done","compensation":{"name":"RefundPayment","state":"skipped","error":"away",
				"resolution":"skipped by ops-jane: the provider is gone"}}]}}`},
		{"OrderCancelled", `{"reason":"late","saga":{"state":"compensated","steps":null}}`},
	} {
		g.orders.recorded = append(g.orders.recorded, order.Event{
			EventID: "evt", AggregateID: id, AggregateType: "Order", EventType: recorded.eventType, SchemaVersion: 1,
			Payload: json.RawMessage(recorded.payload),
		})
	}
	for who, test := range map[string]struct {
		actors     []string
		resolution string
	}{
		"cust-ada orders:read": {[]string{"", "cust-ada"}, ""},
		"eve ops":              {[]string{"ops-jane", "cust-ada"}, "skipped by ops-jane: the provider is gone"},
		"root admin":           {[]string{"ops-jane", "cust-ada"}, "skipped by ops-jane: the provider is gone"},
	} {
		t.Run(who, func(t *testing.T) {
			answer := g.send(request{method: http.MethodGet, path: "/v1/orders/" + id + "/events", token: g.tokenOf(who)})
			require.Equal(t, http.StatusOK, answer.Code)
			var list struct {
				Items []order.Event `json:"items"`
			}
			answer.into(&list)
			require.Len(t, list.Items, 5)
			payloads := make([]struct {
				Action order.InterventionAction `json:"action"`
				Actor  string                   `json:"actor"`
				Reason string                   `json:"reason"`
				Saga   order.Saga               `json:"saga"`
			}, len(list.Items))
			for i, event := range list.Items {
				require.NoError(t, json.Unmarshal(event.Payload, &payloads[i]))
			}
			assert.Equal(t, order.InterventionHold, payloads[1].Action)
			assert.Equal(t, "a call", payloads[1].Reason)
			for i, actor := range test.actors {
				assert.Equal(t, actor, payloads[i+1].Actor)
			}
			assert.Equal(t, &order.Compensation{Name: "RefundPayment", State: "skipped", Error: "away", Resolution: test.resolution},
				payloads[3].Saga.Steps[1].Compensation)
			if test.resolution == "" {
				assert.NotContains(t, answer.Body.String(), "ops-jane")
			}
		})
	}
}
