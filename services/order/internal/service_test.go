package internal_test

import (
	"context"
	"database/sql"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"orderflow/internal/httpserver"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/internal/telemetry"
	"orderflow/services/order/internal"
	"orderflow/services/order/internal/readmodel"
)

const create = `{"key":{"orderId":"order-1","step":"create-order","revision":1},
	"placement":{"orderId":"order-1","customerId":"cust-ada","customerName":"Ada",
		"items":[{"productId":"p","productName":"P","quantity":1,"unitPrice":{"amount":5,"currency":"USD"}}],
		"total":{"amount":5,"currency":"USD"},"acceptedAt":"2026-03-01T12:00:00Z"}}`

// running is a service with its projector and its server, as the process has it.
type running struct {
	server  *httpserver.Server
	arrived chan string // the query of each request
	stop    func()
}

func start(t *testing.T, dsn string) *running {
	t.Helper()
	reports := telemetry.Discard()
	service, err := internal.Open(t.Context(), internal.Config{
		DSN: dsn, Projection: readmodel.LoopConfig{Poll: 10 * time.Millisecond},
	}, reports)
	require.NoError(t, err)
	parts := service.Parts()
	engine := httpserver.NewEngine(httpserver.Options{Name: "order", Telemetry: reports, Checks: parts.Checks})
	parts.Routes(engine)
	listener, err := httpserver.Listen("127.0.0.1:0")
	require.NoError(t, err)
	r := &running{arrived: make(chan string, 10_000)}
	r.server = httpserver.Serve(t.Context(), listener, http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.arrived <- request.URL.RawQuery
		engine.ServeHTTP(w, request)
	}))
	ctx, stopProjector := context.WithCancel(context.Background())
	var background errgroup.Group
	for _, run := range parts.Background {
		background.Go(func() error { return run(ctx) })
	}
	r.stop = func() {
		stopProjector()
		require.NoError(t, background.Wait())
		require.NoError(t, parts.Close())
	}
	return r
}

func (r *running) send(method, path, body string) (int, string, error) {
	request, err := http.NewRequest(method, "http://"+r.server.Addr().String()+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

func (r *running) mustSend(t *testing.T, method, path, body string) string {
	t.Helper()
	status, text, err := r.send(method, path, body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, status, text)
	<-r.arrived
	return text
}

// A request that waits must not hold up the end of the process, and it is
// answered. Nothing remains afterwards.
func TestWaitingRequestsAreReleasedWhenTheServerDrains(t *testing.T) {
	before := goleak.IgnoreCurrent()
	service := start(t, sqlstoretest.SQLite(t))
	service.mustSend(t, http.MethodPost, "/v1/orders", create)

	answers := make(chan string, 1)
	go func() {
		_, text, err := service.send(http.MethodGet, "/v1/orders/order-1?after=1&wait=60", "")
		if err != nil {
			text = err.Error()
		}
		answers <- text
	}()
	require.Contains(t, <-service.arrived, "wait=60")
	draining, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.NoError(t, service.server.Shutdown(draining))
	assert.Contains(t, <-answers, `"version":1`)
	service.stop()
	goleak.VerifyNone(t, before)
}

// The projector stops loudly and goes on by itself when the cause is gone.
// Orders can be read meanwhile: the stream is the truth.
func TestReadinessTellsOfAPoisonEvent(t *testing.T) {
	dsn := sqlstoretest.SQLite(t)
	service := start(t, dsn)
	defer service.stop()
	defer func() { require.NoError(t, service.server.Shutdown(context.Background())) }()
	service.mustSend(t, http.MethodPost, "/v1/orders", create)
	edit(t, dsn, `INSERT INTO event SELECT position + 1, 'poison', aggregate_type, 'order-2', 1, 'OrderLost', 1, '{}', '{}', occurred_at FROM event`)

	readiness := func() (int, string) {
		status, text, err := service.send(http.MethodGet, "/readyz", "")
		require.NoError(t, err)
		return status, text
	}
	require.Eventually(t, func() bool {
		status, text := readiness()
		return status == http.StatusServiceUnavailable &&
			strings.Contains(text, "position 2") && strings.Contains(text, "unknown kind of event")
	}, 10*time.Second, 5*time.Millisecond)
	status, _, err := service.send(http.MethodGet, "/v1/orders/order-1", "")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, status)

	edit(t, dsn, `DELETE FROM event WHERE position = 2`)
	require.Eventually(t, func() bool {
		status, _ := readiness()
		return status == http.StatusOK
	}, 10*time.Second, 5*time.Millisecond)
}

func TestReadinessAndMetricsTellOfTheProjector(t *testing.T) {
	service := start(t, sqlstoretest.SQLite(t))
	defer service.stop()
	defer func() { require.NoError(t, service.server.Shutdown(context.Background())) }()
	assert.JSONEq(t, `{"name":"order","status":"ok","checks":{"database":"ok","projector":"ok"}}`,
		service.mustSend(t, http.MethodGet, "/readyz", ""))
	assert.Contains(t, service.mustSend(t, http.MethodGet, "/metrics", ""), "orderflow_order_projection_lag")
}

// A disk that is full is the database's trouble: the answer says that it may
// pass, the same command works when it has, and it has one effect.
func TestAnOutageOfTheDatabaseIsAnsweredAsUnavailable(t *testing.T) {
	dsn := sqlstoretest.Postgres(t)
	service := start(t, dsn)
	defer service.stop()
	defer func() { require.NoError(t, service.server.Shutdown(context.Background())) }()
	edit(t, dsn, `CREATE FUNCTION fault() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$`)
	edit(t, dsn, `CREATE TRIGGER fault BEFORE INSERT ON event FOR EACH ROW EXECUTE FUNCTION fault()`)
	for range 2 {
		status, text, err := service.send(http.MethodPost, "/v1/orders", create)
		require.NoError(t, err)
		assert.Equal(t, http.StatusServiceUnavailable, status)
		assert.Contains(t, text, "urn:orderflow:problem:unavailable")
		assert.NotContains(t, text, "device", "the cause stays here")
		<-service.arrived
	}
	edit(t, dsn, `DROP TRIGGER fault ON event`)
	assert.JSONEq(t, `{"orderId":"order-1","status":"draft","version":1}`, service.mustSend(t, http.MethodPost, "/v1/orders", create))
	assert.Equal(t, 1, strings.Count(service.mustSend(t, http.MethodGet, "/v1/orders/order-1/events", ""), "eventId"))
}

// edit changes the database as only an operator's hand can.
func edit(t *testing.T, dsn, statement string) {
	t.Helper()
	db, err := sqlstore.Open(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement)
		return err
	}))
}

func TestAServiceThatCannotOpenItsDatabaseSaysSo(t *testing.T) {
	_, err := internal.Open(t.Context(), internal.Config{DSN: "oracle:x"}, telemetry.Discard())
	require.ErrorIs(t, err, sqlstore.ErrBadDSN)
}
