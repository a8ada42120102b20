package verify_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/services/inventory/inventorytest"
	"orderflow/services/notification/notificationtest"
	"orderflow/services/order"
	"orderflow/services/order/ordertest"
	"orderflow/services/payment/paymenttest"
	"orderflow/services/shipping/shippingtest"
	"orderflow/starter/internal/gatewayclient"
	"orderflow/starter/internal/gatewaytest"
	"orderflow/starter/internal/verify"
)

// system is the real services, each on a database of its own, behind a gateway
// that passes audits on.
type system struct {
	t         *testing.T
	orders    *ordertest.Service
	inventory inventorytest.Service
	payments  paymenttest.Service
	shipping  shippingtest.Service
	notes     notificationtest.Service

	urls map[string]string
	dsns map[string]string

	mu sync.Mutex
	// tamper changes the rows of a page of "service/table" before they are
	// sent. unknown are orders that the gateway does not know.
	tamper  map[string]func(rows []map[string]any) []map[string]any
	unknown map[string]bool
}

func newSystem(t *testing.T, newDSN func(testing.TB) string) *system {
	t.Helper()
	s := &system{t: t, dsns: map[string]string{}, unknown: map[string]bool{}}
	s.tamper = map[string]func([]map[string]any) []map[string]any{}
	for _, service := range []string{"order", "inventory", "payment", "shipping", "notification"} {
		s.dsns[service] = newDSN(t)
	}
	s.orders = ordertest.Start(t, ordertest.WithDSN(s.dsns["order"]))
	s.inventory = inventorytest.Start(t, inventorytest.WithDSN(s.dsns["inventory"]))
	s.payments = paymenttest.Start(t, paymenttest.WithDSN(s.dsns["payment"]))
	s.shipping = shippingtest.Start(t, shippingtest.WithDSN(s.dsns["shipping"]))
	s.notes = notificationtest.Start(t, notificationtest.WithDSN(s.dsns["notification"]))
	s.urls = map[string]string{
		"order": s.orders.URL, "inventory": s.inventory.URL, "payment": s.payments.URL,
		"shipping": s.shipping.URL, "notification": s.notes.URL,
	}
	return s
}

// verify runs the verification over HTTP, as the command does.
func (s *system) verify(change ...func(*verify.Config)) *verify.Report {
	s.t.Helper()
	report, err := s.tryVerify(change...)
	require.NoError(s.t, err)
	return report
}

func (s *system) tryVerify(change ...func(*verify.Config)) (*verify.Report, error) {
	server := httptest.NewServer(s.gateway())
	defer server.Close()
	client, err := gatewayclient.New(gatewayclient.Config{Address: server.URL, Token: "test"})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	cfg := verify.Config{Gateway: client, Backoff: gatewaytest.Backoff(), Pause: time.Millisecond}
	for _, change := range change {
		change(&cfg)
	}
	return verify.Run(s.t.Context(), cfg)
}

func (s *system) gateway() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/ops/audit/{service}", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		name := query.Get("table")
		query.Del("table")
		s.pass(w, r, r.PathValue("service"), name, "/v1/audit/"+name+"?"+query.Encode())
	})
	mux.HandleFunc("GET /v1/orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		view, err := s.orders.Order(r.Context(), r.PathValue("id"))
		if problem.CodeOf(err) == problem.NotFound || s.unknown[r.PathValue("id")] {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if view.Saga == nil {
			view.Saga = &order.Saga{State: order.SagaRunning}
		}
		_ = json.NewEncoder(w).Encode(view) // a client that went away
	})
	return mux
}

// pass fetches a page from the service.
func (s *system) pass(w http.ResponseWriter, r *http.Request, service, name, path string) {
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, s.urls[service]+path, nil)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	s.mu.Lock()
	tamper := s.tamper[service+"/"+name]
	s.mu.Unlock()
	if tamper != nil && response.StatusCode == http.StatusOK {
		body = tampered(body, tamper)
	}
	w.WriteHeader(response.StatusCode)
	_, _ = w.Write(body) // a client that went away
}

func tampered(body []byte, change func([]map[string]any) []map[string]any) []byte {
	var page struct {
		Items []map[string]any `json:"items"`
		Next  string           `json:"next,omitempty"`
	}
	if err := json.Unmarshal(body, &page); err != nil {
		return nil
	}
	page.Items = change(page.Items)
	changed, err := json.Marshal(page)
	if err != nil {
		return nil
	}
	return changed
}

// plant changes rows in a service's database, past the service.
func (s *system) plant(service string, statement string, args ...any) {
	s.t.Helper()
	db, err := sqlstore.Open(s.t.Context(), s.dsns[service])
	require.NoError(s.t, err)
	defer func() { require.NoError(s.t, db.Close()) }()
	require.NoError(s.t, db.InTx(s.t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		if changed, err := result.RowsAffected(); err != nil || changed == 0 {
			return fmt.Errorf("%q changed no row (%w)", statement, err)
		}
		return nil
	}))
}

// awaitProjection waits until the read model has seen every event.
func (s *system) awaitProjection() {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		report, err := s.tryVerify()
		if err != nil {
			return false
		}
		return report.Invariant(verify.Projection).Figures.Get("checkpoint") == report.Invariant(verify.Streams).Figures.Get("head")
	}, time.Minute, 10*time.Millisecond)
}
