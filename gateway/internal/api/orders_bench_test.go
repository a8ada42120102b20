package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
)

// BenchmarkOrderRead is what the gateway itself does for GET /v1/orders/{id}:
// routing, token, rate limit, joining and encoding. The services that it asks
// are in memory.
func BenchmarkOrderRead(b *testing.B) {
	g := newGateway(b)
	id := g.placed()
	g.becomes(id, order.Draft, "")
	g.becomes(id, order.Shipped, order.SagaCompleted)
	g.payments.add(payment.Payment{OrderID: id, Status: payment.Captured, Captured: money.New(15247, "USD"), Refunded: money.Zero("USD")})
	g.parcels.shipments[id] = shipping.Shipment{OrderID: id, Status: shipping.Accepted, TrackingNumber: "T1", Carrier: "Sim"}
	request := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/v1/orders/"+id, nil)
	request.Header.Set("Authorization", "Bearer "+g.ada())
	b.ReportAllocs()
	for b.Loop() {
		recorder := httptest.NewRecorder()
		g.engine.ServeHTTP(recorder, request)
		if recorder.Code != http.StatusOK {
			b.Fatalf("%d: %s", recorder.Code, recorder.Body)
		}
	}
}
