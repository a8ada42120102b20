package gatewaytest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"orderflow/internal/problem"
	"orderflow/starter/internal/gatewayclient"
)

// Gateway is a running gateway. Its fields may be changed before the first
// request.
type Gateway struct {
	// ReadsUntilEnd is how many times an order is read as running before it
	// has come to its end. With 0 a waiting placement is answered with 201.
	ReadsUntilEnd int
	// StreamLength is how many events a stream sends before it is cut; 0 means
	// all.
	StreamLength int
	// StreamAhead makes the first event of a stream carry a view that is newer
	// than its ID. StreamBare leaves the saga out of all views but the last.
	StreamAhead, StreamBare bool
	// ClockReads is how many readings of the clock show the same second; 0
	// means that each shows another.
	ClockReads int
	// BlockedProduct blocks the orders that contain it.
	BlockedProduct string
	// FixWindow lets an order whose card was declined wait for another.
	FixWindow bool
	// Audited are raw rows by "service/table"; nil means that there are none.
	Audited map[string][]any

	server *httptest.Server

	mu        sync.Mutex
	clock     time.Time
	reads     int
	faults    []*Fault
	requests  []string
	products  map[string]gatewayclient.Product
	customers map[string]gatewayclient.Customer
	stock     map[string]*gatewayclient.Stock
	orders    map[string]*order
	byKey     map[string]*order
	inFlight  int
	mostBusy  int
}

// Fault is what happens to requests instead of their answer.
type Fault struct {
	// Method and Path choose the requests; Path is a prefix.
	Method, Path string
	// Skip lets so many of them pass first; Times is how many it strikes, 0
	// for all.
	Skip, Times int
	// Refusal is the answer. Without one the connection is cut.
	Refusal *problem.Error
	// AfterEffect lets the request take effect before it strikes.
	AfterEffect bool
	// Hang keeps the request waiting until the client goes away.
	Hang bool
	// Seen, if set, is told of each request that it strikes.
	Seen func()
}

// New starts a gateway that ends with the test.
func New(t testing.TB) *Gateway {
	t.Helper()
	g := &Gateway{
		clock:     time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC),
		products:  map[string]gatewayclient.Product{},
		customers: map[string]gatewayclient.Customer{},
		stock:     map[string]*gatewayclient.Stock{},
		orders:    map[string]*order{},
		byKey:     map[string]*order{},
	}
	g.server = httptest.NewServer(g)
	t.Cleanup(g.server.Close)
	return g
}

// URL is the gateway's base URL.
func (g *Gateway) URL() string { return g.server.URL }

// Client returns a client with some token. It backs off by itself only.
func (g *Gateway) Client(t testing.TB) *gatewayclient.Client {
	t.Helper()
	client, err := gatewayclient.New(gatewayclient.Config{Address: g.URL(), Token: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// Backoff keeps tests fast.
func Backoff() gatewayclient.Backoff {
	return gatewayclient.Backoff{Base: time.Millisecond, Cap: 5 * time.Millisecond}
}

// Inject adds a fault.
func (g *Gateway) Inject(fault Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = append(g.faults, &fault)
}

// Requests counts the requests so far that begin with "METHOD PATH".
func (g *Gateway) Requests(prefix string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	count := 0
	for _, request := range g.requests {
		if strings.HasPrefix(request, prefix) {
			count++
		}
	}
	return count
}

// Orders is how many orders exist.
func (g *Gateway) Orders() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.orders)
}

// MostBusy is the greatest number of requests that were in flight at once.
func (g *Gateway) MostBusy() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.mostBusy
}

// Stock returns a product's stock; the zero value when it has none.
func (g *Gateway) Stock(productID string) gatewayclient.Stock {
	g.mu.Lock()
	defer g.mu.Unlock()
	if stock, found := g.stock[productID]; found {
		return *stock
	}
	return gatewayclient.Stock{}
}

// Product returns a product as it was last written.
func (g *Gateway) Product(productID string) gatewayclient.Product {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.products[productID]
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The server notices that a client goes away only when the body was read.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	fault := g.begin(r)
	defer g.end()
	if fault != nil && !fault.AfterEffect {
		fault.strike(w, r)
		return
	}
	if fault != nil {
		g.route(httptest.NewRecorder(), r)
		fault.strike(w, r)
		return
	}
	g.route(w, r)
}

// begin notes the request and returns the fault that strikes it.
func (g *Gateway) begin(r *http.Request) *Fault {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.requests = append(g.requests, r.Method+" "+r.URL.Path)
	g.inFlight++
	g.mostBusy = max(g.mostBusy, g.inFlight)
	for _, fault := range g.faults {
		if fault.Method != r.Method || !strings.HasPrefix(r.URL.Path, fault.Path) {
			continue
		}
		if fault.Skip > 0 {
			fault.Skip--
			continue
		}
		switch {
		case fault.Times < 0:
			continue
		case fault.Times == 1:
			fault.Times = -1
		case fault.Times > 1:
			fault.Times--
		}
		return fault
	}
	return nil
}

func (g *Gateway) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inFlight--
}

func (f *Fault) strike(w http.ResponseWriter, r *http.Request) {
	if f.Seen != nil {
		f.Seen()
	}
	if f.Hang {
		<-r.Context().Done()
	}
	if f.Refusal != nil {
		refuse(w, r, f.Refusal)
		return
	}
	panic(http.ErrAbortHandler)
}

func (g *Gateway) route(w http.ResponseWriter, r *http.Request) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", g.health)
	mux.HandleFunc("GET /v1/products/{id}", g.getProduct)
	mux.HandleFunc("PUT /v1/products/{id}", g.putProduct)
	mux.HandleFunc("GET /v1/customers/{id}", g.getCustomer)
	mux.HandleFunc("PUT /v1/customers/{id}", g.putCustomer)
	mux.HandleFunc("GET /v1/inventory/{id}", g.getStock)
	mux.HandleFunc("PUT /v1/inventory/{id}", g.putStock)
	mux.HandleFunc("POST /v1/orders", g.placeOrder)
	mux.HandleFunc("GET /v1/orders/{id}", g.getOrder)
	mux.HandleFunc("GET /v1/orders/{id}/stream", g.streamOrder)
	mux.HandleFunc("GET /v1/ops/audit/{service}", g.getAudit)
	if r.URL.Path != "/healthz" && r.Header.Get("Authorization") == "" {
		refuse(w, r, problem.New(problem.Unauthenticated, "no token"))
		return
	}
	mux.ServeHTTP(w, r)
}

// health moves the clock, so that nobody waits for a second to pass.
func (g *Gateway) health(w http.ResponseWriter, _ *http.Request) {
	g.mu.Lock()
	if g.reads++; g.ClockReads == 0 || g.reads%g.ClockReads == 0 {
		g.clock = g.clock.Add(time.Second)
	}
	now := g.clock
	g.mu.Unlock()
	w.Header().Set("Date", now.Format(http.TimeFormat))
}

// refuse writes the problem. Unlike the product it leaves Retry-After away when
// the problem has none, because its whole seconds would make tests slow.
func refuse(w http.ResponseWriter, r *http.Request, refusal *problem.Error) {
	document := refusal.Document()
	document.Instance = r.URL.Path
	if refusal.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(refusal.RetryAfter.Seconds())))
	}
	w.Header().Set("Content-Type", problem.MediaType)
	w.WriteHeader(document.Status)
	// A client that went away cannot be told anything.
	_ = json.NewEncoder(w).Encode(document)
}

func respond(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A client that went away cannot be told anything.
	_ = json.NewEncoder(w).Encode(body)
}

func read(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil || r.Header.Get("Content-Type") != "application/json" {
		refuse(w, r, problem.New(problem.Malformed, "the body is not as it should be"))
		return false
	}
	return true
}
