package api_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/services/order"
)

// fakeBacklog refuses new orders while it is full.
type fakeBacklog struct {
	mu       sync.Mutex
	full     bool
	inside   int
	refused  int
	outcomes map[bool]int // of those who have left: started, or not
}

func (f *fakeBacklog) Enter() (leave func(started bool), there bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.full {
		return nil, false
	}
	f.inside++
	return func(started bool) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.inside--
		if f.outcomes == nil {
			f.outcomes = make(map[bool]int)
		}
		f.outcomes[started]++
	}, true
}

func (f *fakeBacklog) Refuse() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused++
	return problem.New(problem.Unavailable, "more orders wait than can be worked on soon").WithRetryAfter(7 * time.Second)
}

func (f *fakeBacklog) fill(full bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.full = full
}

func TestNewOrdersAreRefusedWhileTooManyWait(t *testing.T) {
	g := newGateway(t)
	g.backlog.fill(true)
	for _, header := range []http.Header{nil, keyed("k-1"), {"Prefer": {"wait=5"}}} {
		refused := g.place(header)
		refused.problem(problem.Unavailable)
		assert.Equal(t, "7", refused.Header().Get("Retry-After"))
	}
	assert.Zero(t, g.temporal.StartCalls())
	assert.Equal(t, 3, g.backlog.refused)

	g.backlog.fill(false)
	assert.Equal(t, http.StatusAccepted, g.place(keyed("k-1")).Code)
	assert.Equal(t, http.StatusAccepted, g.place(nil).Code)
	assert.Len(t, g.temporal.Started(), 2)
}

// What was accepted is answered as it was, though no worker has begun it, so
// that the order service does not know it yet.
func TestAnAcceptedOrderIsAnsweredAgainWhileTooManyWait(t *testing.T) {
	g := newGateway(t)
	first := g.place(keyed("k-1"))
	require.Equal(t, http.StatusAccepted, first.Code)
	g.backlog.fill(true)

	again := g.place(keyed("k-1"))
	assert.Equal(t, http.StatusAccepted, again.Code)
	assert.JSONEq(t, first.Body.String(), again.Body.String())
	assert.Equal(t, first.Header().Get("Location"), again.Header().Get("Location"))

	// Another order under the key is a new one, whatever it is told.
	other := strings.Replace(validBody, `"quantity":2`, `"quantity":5`, 1)
	g.send(request{method: http.MethodPost, path: "/v1/orders", token: g.ada(), body: other, header: keyed("k-1")}).problem(problem.Unavailable)

	assert.Equal(t, 1, g.backlog.refused, "only the new one")

	// While nobody can say whether it was accepted, it is not refused.
	g.temporal.Change(func(s *orderWorkflows) { s.Down = true })
	unknown := g.place(keyed("k-1"))
	unknown.problem(problem.Unavailable)
	assert.NotEqual(t, "7", unknown.Header().Get("Retry-After"))
	assert.Equal(t, 1, g.backlog.refused)

	// The order service knows what Temporal has forgotten.
	var accepted accepted
	first.into(&accepted)
	known := g.temporal.Started()[accepted.OrderID]
	g.orders.add(order.View{OrderID: accepted.OrderID, CustomerID: "cust-ada", Status: order.Draft, RequestHash: known.RequestHash})
	assert.Equal(t, http.StatusAccepted, g.place(keyed("k-1")).Code)
	assert.Equal(t, 1, g.temporal.StartCalls())
}

func TestALineOfABatchIsRefusedWhileTooManyWait(t *testing.T) {
	g := newGateway(t)
	g.batch(lineOf("shop-1"))
	g.backlog.fill(true)
	all := g.batch(lineOf("shop-1"), lineOf("shop-2"), lineOf(""))
	require.Len(t, all, 3)
	assert.Equal(t, http.StatusAccepted, all[0].Status)
	for _, refused := range all[1:] {
		assert.Equal(t, http.StatusServiceUnavailable, refused.Status)
		assert.Equal(t, problem.Unavailable.Type(), refused.Problem.Type)
		assert.Equal(t, 7, refused.RetryAfter)
		assert.False(t, refused.Stopped, "the lines behind it are looked at")
	}
	g.backlog.fill(false)
	assert.Equal(t, http.StatusAccepted, g.batch(lineOf("shop-2"))[0].Status)
	assert.Len(t, g.temporal.Started(), 2)
}

func TestOnlyPlacementsAreRefusedWhileTooManyWait(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.becomes(id, order.Draft, "")
	g.backlog.fill(true)
	assert.Equal(t, http.StatusOK, g.get("/v1/orders/"+id).Code)
	assert.Equal(t, http.StatusOK, g.get("/v1/products").Code)
	assert.Equal(t, http.StatusAccepted, g.send(request{
		method: http.MethodPost, path: "/v1/orders/" + id + "/cancel", token: g.ada(), body: `{"reason":"too slow"}`,
	}).Code)
	for path, status := range map[string]int{"/v1/ops/attention": http.StatusOK, "/v1/ops/dependencies": http.StatusOK} {
		assert.Equal(t, status, g.send(request{method: http.MethodGet, path: path, token: g.token("eve", "ops")}).Code, path)
	}
}

// The backlog is told of every order that is, or may be, there.
func TestTheBacklogIsToldWhatWasStarted(t *testing.T) {
	g := newGateway(t)
	g.place(nil)
	assert.Equal(t, map[bool]int{true: 1}, g.backlog.outcomes)
	g.send(request{
		method: http.MethodPost, path: "/v1/orders", token: g.ada(), body: strings.ReplaceAll(validBody, "prod-kettle", "prod-none"),
	}).problem(problem.Invalid)
	assert.Equal(t, map[bool]int{true: 1}, g.backlog.outcomes, "it has no price, and does not come so far")
	g.temporal.Change(func(s *orderWorkflows) { s.LoseStarts = 2 })
	require.Equal(t, http.StatusAccepted, g.place(nil).Code, "the first attempt has started it")
	g.temporal.Change(func(s *orderWorkflows) { s.Down = true })
	g.place(nil).problem(problem.Unavailable)
	assert.Equal(t, map[bool]int{true: 3}, g.backlog.outcomes, "nobody knows of the last")
	assert.Zero(t, g.backlog.inside)
}
