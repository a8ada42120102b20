package rpc

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"
	"go.uber.org/zap/zaptest/observer"

	"orderflow/internal/discovery"
	"orderflow/internal/resilience"
	"orderflow/internal/telemetry"
)

// registry is a Consul agent in memory that knows one service.
type registry struct {
	mu        sync.Mutex
	index     int
	instances []discovery.Instance
	changed   chan struct{} // closed and replaced at each change
}

func startRegistry(t *testing.T, instances ...discovery.Instance) (*registry, *discovery.Watched) {
	t.Helper()
	r := &registry{index: 1, instances: instances, changed: make(chan struct{})}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	resolver, err := discovery.Open(discovery.Config{
		Consul: discovery.ConsulConfig{Addr: server.Listener.Addr().String()},
	}, zaptest.NewLogger(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, resolver.Close()) })
	return r, resolver
}

// have changes the set and waits until the resolver knows.
func (r *registry) have(t *testing.T, resolver *discovery.Watched, instances ...discovery.Instance) {
	t.Helper()
	r.mu.Lock()
	r.index++
	r.instances = instances
	close(r.changed)
	r.changed = make(chan struct{})
	r.mu.Unlock()
	require.Eventually(t, func() bool {
		known := resolver.Status("payment").Instances
		if len(known) != len(instances) {
			return false
		}
		for i := range known {
			if known[i].Addr() != instances[i].Addr() {
				return false
			}
		}
		return true
	}, 10*time.Second, time.Millisecond)
}

func (r *registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	if request.URL.Query().Get("index") == fmt.Sprint(r.index) {
		changed := r.changed
		r.mu.Unlock()
		select {
		case <-changed:
		case <-request.Context().Done():
			return
		}
		r.mu.Lock()
	}
	defer r.mu.Unlock()
	var entries []string
	for _, i := range r.instances {
		entries = append(entries, fmt.Sprintf(`{"Service": {"ID": %q, "Service": "payment", "Address": %q, "Port": %d}}`, i.ID, i.Host, i.Port))
	}
	w.Header().Set("X-Consul-Index", fmt.Sprint(r.index))
	_, _ = fmt.Fprintf(w, "[%s]", strings.Join(entries, ","))
}

func newFixedClient(t *testing.T, instances ...discovery.Instance) *Client {
	t.Helper()
	var addrs []string
	for _, instance := range instances {
		addrs = append(addrs, instance.Addr())
	}
	resolver, err := discovery.NewFixed(discovery.Addresses{"payment": addrs}, zaptest.NewLogger(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, resolver.Close()) })
	return closing(t, NewClient("payment", resolver, Config{}, nil))
}

func working(http.ResponseWriter, *http.Request) {}

func failing(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }

// openBreaker makes calls until the breaker is open.
func openBreaker(t *testing.T, c *Client) {
	t.Helper()
	for range 5 {
		require.Equal(t, Unavailable, failureOf(t, get(t.Context(), c)).Reason)
	}
	require.Equal(t, BreakerOpen, failureOf(t, get(t.Context(), c)).Reason)
}

func TestRestartedServiceIsCalledWithoutWaitingForTheBreaker(t *testing.T) {
	registry, resolver := startRegistry(t, goneInstance(t))
	reports := telemetry.Discard()
	logs, lines := observer.New(zap.InfoLevel)
	reports.Log = zap.New(logs)
	c := closing(t, NewClient("payment", resolver, Config{}, reports))
	openBreaker(t, c)

	registry.have(t, resolver)
	require.Equal(t, BreakerOpen, failureOf(t, get(t.Context(), c)).Reason, "nobody is there to be tried")
	registry.have(t, resolver, serve(t, working)) // the same ID at another port
	for range 3 {
		require.NoError(t, get(t.Context(), c))
	}
	assert.Equal(t, resilience.Closed, c.guard.Breaker().State())
	transitions := lines.FilterMessage("circuit breaker changed its state").All()
	require.Len(t, transitions, 3)
	assert.Equal(t, map[string]any{
		"target": "payment", "from": "open", "to": "half-open", "why": "a new instance has come up",
	}, transitions[1].ContextMap())
}

func TestNewInstanceIsTriedAlsoBesideTheOldOneThatIsGone(t *testing.T) {
	gone := goneInstance(t)
	registry, resolver := startRegistry(t, gone)
	c := closing(t, NewClient("payment", resolver, Config{}, nil))
	openBreaker(t, c)

	restarted := serve(t, working)
	restarted.ID = "payment-2" // its check has not yet expired
	registry.have(t, resolver, gone, restarted)
	failed := 0
	for range 10 {
		if get(t.Context(), c) != nil {
			failed++
		}
	}
	assert.LessOrEqual(t, failed, 1, "one call finds out that the old one is gone, and decides nothing")
	assert.Equal(t, resilience.Closed, c.guard.Breaker().State())
}

func TestNewInstanceThatFailsTooOpensTheBreakerForItsWholeTime(t *testing.T) {
	registry, resolver := startRegistry(t, serve(t, failing))
	c := closing(t, NewClient("payment", resolver, Config{}, nil))
	openBreaker(t, c)

	registry.have(t, resolver, serve(t, failing))
	require.Equal(t, Unavailable, failureOf(t, get(t.Context(), c)).Reason, "one trial")
	for range 10 {
		failure := failureOf(t, get(t.Context(), c))
		require.Equal(t, BreakerOpen, failure.Reason)
		require.InDelta(t, 30*time.Second, failure.RetryAfter, float64(5*time.Second))
	}
}

func TestSetThatChangesAllTheTimeIsTriedEarlyOnce(t *testing.T) {
	registry, resolver := startRegistry(t, serve(t, failing))
	c := closing(t, NewClient("payment", resolver, Config{}, nil))
	openBreaker(t, c)
	tried := 0
	for range 5 {
		registry.have(t, resolver, serve(t, failing))
		if failureOf(t, get(t.Context(), c)).Reason == Unavailable {
			tried++
		}
	}
	assert.Equal(t, 1, tried)
}

func TestInstanceThatWasAbsentForAMomentLeavesTheBreakerOpen(t *testing.T) {
	one, two := serve(t, failing), serve(t, failing)
	two.ID = "payment-2"
	registry, resolver := startRegistry(t, one, two)
	c := closing(t, NewClient("payment", resolver, Config{}, nil))
	openBreaker(t, c)
	registry.have(t, resolver, two)
	registry.have(t, resolver, one, two)
	assert.Equal(t, BreakerOpen, failureOf(t, get(t.Context(), c)).Reason)
}

func TestEarlyTrialCountsOnce(t *testing.T) {
	registry, resolver := startRegistry(t, serve(t, failing))
	c := closing(t, NewClient("payment", resolver, Config{}, nil))
	openBreaker(t, c)
	registry.have(t, resolver, serve(t, working))
	require.NoError(t, get(WithAttempt(t.Context(), 2), c))
	snapshot := c.Snapshot()
	assert.Equal(t, uint64(1), snapshot.Breaker.Refused, "the call that found it open")
	assert.Equal(t, uint64(1), snapshot.RetryBudget.Retries)
}

func TestRefusalByAHalfOpenBreakerCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(map[string]behaviour{"a:1": answering(503)})
		c := newFleetClient(t, Config{}, f)
		openBreaker(t, c)
		<-time.After(30 * time.Second)
		f.become("a:1", answeringAfter(time.Second, 200))
		for range 3 {
			go func() { _ = get(t.Context(), c) }()
		}
		synctest.Wait()
		require.Equal(t, BreakerOpen, failureOf(t, get(WithAttempt(t.Context(), 2), c)).Reason)
		snapshot := c.Snapshot()
		assert.Equal(t, uint64(2), snapshot.Breaker.Refused, "one while it was open")
		assert.Zero(t, snapshot.RetryBudget.Retries, "it was not made")
		<-time.After(time.Minute)
	})
}

func TestChangeWithoutANewInstanceLeavesTheBreakerOpen(t *testing.T) {
	one, two := serve(t, failing), serve(t, failing)
	two.ID = "payment-2"
	registry, resolver := startRegistry(t, one, two)
	c := closing(t, NewClient("payment", resolver, Config{}, nil))
	openBreaker(t, c)
	registry.have(t, resolver, two)
	assert.Equal(t, BreakerOpen, failureOf(t, get(t.Context(), c)).Reason)
}

func TestOperatorsSeeThatTheBreakerMayBeTried(t *testing.T) {
	registry, resolver := startRegistry(t, goneInstance(t))
	c := closing(t, NewClient("payment", resolver, Config{}, nil))
	openBreaker(t, c)
	require.Equal(t, resilience.Open, c.Snapshot().Breaker.State)
	registry.have(t, resolver, serve(t, working))
	assert.Equal(t, resilience.HalfOpen, c.Snapshot().Breaker.State)
}
