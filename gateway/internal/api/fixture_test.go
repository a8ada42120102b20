package api_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"orderflow/gateway/internal/api"
	"orderflow/gateway/internal/auth"
	"orderflow/gateway/internal/codecapi"
	"orderflow/gateway/internal/dependencies"
	"orderflow/gateway/internal/docs"
	"orderflow/gateway/internal/edge"
	"orderflow/gateway/internal/orderview"
	"orderflow/gateway/internal/placement"
	"orderflow/gateway/internal/pricing"
	"orderflow/gateway/internal/ratelimit"
	"orderflow/gateway/internal/workflowclient/workflowclienttest"
	"orderflow/gateway/openapi"
	"orderflow/gateway/openapi/openapitest"
	"orderflow/internal/httpserver"
	"orderflow/internal/payloadcodec"
	"orderflow/internal/problem"
	"orderflow/internal/rpc"
	"orderflow/internal/token"
	"orderflow/services/catalog"
	"orderflow/services/customer"
	"orderflow/services/inventory"
	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
	"orderflow/workflows/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// away is what a client returns for a service that is down.
func away(service string) error {
	return &rpc.Error{Target: service, Reason: rpc.NoInstance, Err: io.ErrUnexpectedEOF}
}

// orderWorkflows and holdWorkflows are Temporal's two sides.
type (
	orderWorkflows = workflowclienttest.Server[contract.PlaceOrderInput, contract.Progress]
	holdWorkflows  = workflowclienttest.Server[contract.HoldInput, contract.HoldStatus]
)

// gateway is the real API on the real engine, with Temporal and the services in
// memory.
type gateway struct {
	t        testing.TB
	engine   *gin.Engine
	keys     *token.Keys
	jwks     []byte // the public half of keys
	temporal *orderWorkflows
	orders   *fakeOrders
	rows     *fakeReadModel
	products *fakeProducts
	people   *fakeCustomers
	stock    *fakeInventory
	payments *fakePayments
	parcels  *fakeShipments
	audit    *fakeAudit
	holds    *holdWorkflows
	fleet    *fakeFleet
	backlog  *fakeBacklog

	requests, streams, batches *edge.Gate
	// What one principal may have open of each.
	streamShares, batchShares, waitShares *edge.Shares
}

// The description is read and its page made once: both take longer than most
// tests.
var (
	described = sync.OnceValues(openapi.Load)
	docsPage  = sync.OnceValues(func() (*docs.Docs, error) { return docs.New(openapi.YAML) })
)

// deployed is what the deployment decides about its orders.
var deployed = contract.Settings{StepTimeout: time.Minute, FixWindow: time.Hour}

// options are what a test may want otherwise.
type options struct {
	limits ratelimit.Config
	batch  api.BatchLimits
	// origins are those of pages that may use the API.
	origins []string
	// placements take the place of those that Temporal has.
	placements api.Placements
}

type option func(*options)

func newGateway(t testing.TB, changes ...option) *gateway {
	t.Helper()
	dir := t.TempDir()
	keys, _, err := token.OpenKeys(dir)
	require.NoError(t, err)
	verifier, err := token.OpenVerifier(filepath.Join(dir, token.KeySetFile), token.DevelopmentIssuer, nil)
	require.NoError(t, err)
	o := options{
		limits: ratelimit.Config{Rate: 100_000, Burst: 100_000},
		batch:  api.BatchLimits{Lines: 200, Time: time.Minute},
	}
	for _, change := range changes {
		change(&o)
	}
	limiter, err := ratelimit.New(o.limits, nil)
	require.NoError(t, err)

	jwks, err := os.ReadFile(filepath.Join(dir, token.KeySetFile))
	require.NoError(t, err)

	g := &gateway{
		t:        t,
		keys:     keys,
		jwks:     jwks,
		temporal: &orderWorkflows{Answer: contract.Progress{State: contract.SagaRunning}},
		orders:   newFakeOrders(),
		rows:     &fakeReadModel{projection: order.Projection{Generation: 1, Position: 97, Head: 100, Lag: 3}},
		products: &fakeProducts{products: map[string]catalog.Product{
			"prod-kettle": {ProductID: "prod-kettle", Name: "Kettle", UnitPrice: money.New(4999, "USD"), Version: 3},
			"prod-cup":    {ProductID: "prod-cup", Name: "Cup", UnitPrice: money.New(250, "USD"), Version: 1},
			"prod-euro":   {ProductID: "prod-euro", Name: "Tasse", UnitPrice: money.New(250, "EUR"), Version: 1},
			"prod-old":    {ProductID: "prod-old", Name: "Old", UnitPrice: money.New(1, "USD"), Discontinued: true, Version: 2},
			"prod-dear":   {ProductID: "prod-dear", Name: "Dear", UnitPrice: money.New(1<<62, "USD"), Version: 1},
		}},
		people: &fakeCustomers{customers: map[string]customer.Customer{
			"cust-ada": {CustomerID: "cust-ada", Name: "Ada", Version: 7},
			"cust-bob": {CustomerID: "cust-bob", Name: "Bob", Version: 1},
		}},
		stock:    &fakeInventory{stock: map[string]inventory.Stock{"prod-kettle": {ProductID: "prod-kettle", OnHand: 5, Reserved: 2}}},
		payments: &fakePayments{payments: map[string]payment.Payment{}},
		parcels:  &fakeShipments{shipments: map[string]shipping.Shipment{}},
		audit:    &fakeAudit{},
		holds:    &holdWorkflows{EndsWith: contract.UpdateReleaseHold},
		fleet:    &fakeFleet{},
		backlog:  &fakeBacklog{},
		requests: edge.NewGate(100),
		streams:  edge.NewGate(10),
		batches:  edge.NewGate(2),

		streamShares: edge.NewShares(4, 10),
		batchShares:  edge.NewShares(1, 2),
		waitShares:   edge.NewShares(3, 100),
	}
	placements := placement.New(g.temporal, nil, placement.Timeouts{
		Start: 100 * time.Millisecond, Find: 100 * time.Millisecond,
		Progress: 50 * time.Millisecond, Decision: 50 * time.Millisecond, List: 100 * time.Millisecond,
	})
	g.engine = httpserver.NewEngine(httpserver.Options{Name: "gateway", Public: true})
	g.engine.Use(edge.CrossOrigin(o.origins))
	page, err := docsPage()
	require.NoError(t, err)
	page.Register(g.engine)
	description, err := described()
	require.NoError(t, err)
	api.New(api.Dependencies{
		Description: description,

		Verifier: verifier,
		Limiter:  limiter,
		Requests: g.requests,
		Streams:  g.streams,
		Batches:  g.batches,
		Batch:    o.batch,

		StreamShares: g.streamShares,
		BatchShares:  g.batchShares,
		WaitShares:   g.waitShares,

		Backlog:    g.backlog,
		Placements: cmp.Or(o.placements, api.Placements(placements)),
		Pricer:     pricing.New(g.products, g.people, pricing.Config{TTL: time.Minute, Timeout: time.Second}, nil),
		Reader: orderview.NewReader(orderview.Sources{
			Orders: g.orders, Payments: g.payments, Shipments: g.parcels, Workflows: placements, MayName: auth.MayRead,
		}),
		Orders:    g.orders,
		Changes:   g.orders,
		Products:  g.products,
		Customers: g.people,
		Inventory: g.stock,
		ReadModel: g.rows,
		Holds: dependencies.New(g.holds, nil, dependencies.Timeouts{
			Begin: 100 * time.Millisecond, Find: 100 * time.Millisecond, Count: 50 * time.Millisecond, Release: 50 * time.Millisecond,
		}),
		Fleet:    g.fleet,
		Audits:   map[string]api.Audit{"inventory": g.audit},
		Log:      zap.NewNop(),
		Settings: deployed,

		WorkflowLink: func(orderID string) string { return "https://temporal.example/" + orderID },
	}).Register(g.engine)
	// What is documented is served only where payloads are encrypted.
	codecapi.Register(g.engine, codecapi.Dependencies{Codec: payloadcodec.Codec{}, Verifier: verifier, Limiter: limiter, Log: zap.NewNop()})
	return g
}

// token signs a token for the subject.
func (g *gateway) token(subject, scope string) string {
	g.t.Helper()
	signed, err := g.keys.Issue(subject, scope, time.Hour, time.Now())
	require.NoError(g.t, err)
	return signed
}

// tokenOf signs a token for "subject scope scope".
func (g *gateway) tokenOf(who string) string {
	g.t.Helper()
	subject, scope, _ := strings.Cut(who, " ")
	return g.token(subject, scope)
}

func (g *gateway) ada() string { return g.token("cust-ada", "orders:read orders:write") }

// request is one call; a header without a value is taken out.
type request struct {
	method, path, token, body string
	header                    http.Header
}

type answer struct {
	*httptest.ResponseRecorder
	t testing.TB
}

// send makes the call, and holds it and its answer against openapi.yaml.
func (g *gateway) send(r request) answer {
	g.t.Helper()
	// A stream that should have been refused must not hold the test.
	ctx, cancel := context.WithTimeout(g.t.Context(), 10*time.Second)
	defer cancel()
	var body io.Reader
	if r.body != "" {
		body = strings.NewReader(r.body)
	}
	raw := httptest.NewRequestWithContext(ctx, r.method, r.path, body)
	if r.body != "" {
		raw.Header.Set("Content-Type", "application/json")
	}
	if r.token != "" {
		raw.Header.Set("Authorization", "Bearer "+r.token)
	}
	for name, values := range r.header {
		if raw.Header[name] = values; len(values) == 0 {
			delete(raw.Header, name)
		}
	}
	recorder := httptest.NewRecorder()
	g.engine.ServeHTTP(recorder, raw)
	assert.NoError(g.t, openapitest.Load(g.t).Check(openapitest.Exchange{
		Request: raw, RequestBody: []byte(r.body),
		Status: recorder.Code, Header: recorder.Header(), Body: recorder.Body.Bytes(),
	}), "%s %s", r.method, r.path)
	return answer{recorder, g.t}
}

// into decodes the answer, in which nothing may be unknown to v.
func (a answer) into(v any) {
	a.t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(a.Body.Bytes()))
	decoder.DisallowUnknownFields()
	require.NoError(a.t, decoder.Decode(v), a.Body.String())
}

// problem checks that the answer is a problem of the code, and shows nothing
// internal.
func (a answer) problem(code problem.Code) problem.Document {
	a.t.Helper()
	var document problem.Document
	require.Equal(a.t, code.Status(), a.Code, a.Body.String())
	require.Equal(a.t, problem.MediaType, a.Header().Get("Content-Type"))
	a.into(&document)
	assert.Equal(a.t, code.Type(), document.Type)
	assert.Equal(a.t, code.Status(), document.Status)
	assert.NotEmpty(a.t, document.TraceID)
	for _, internal := range []string{"goroutine", ".go:", "orderflow/", "serviceerror", "127.0.0.1", "unexpected EOF", "strconv"} {
		assert.NotContains(a.t, a.Body.String(), internal)
	}
	return document
}

func pointers(document problem.Document) []string {
	var pointers []string
	for _, field := range document.Errors {
		pointers = append(pointers, field.Pointer)
	}
	return pointers
}
