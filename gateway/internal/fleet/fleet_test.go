package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"orderflow/internal/chassis"
	"orderflow/internal/discovery"
	"orderflow/internal/resilience"
	"orderflow/internal/rpc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// registry lists instances by service.
type registry struct {
	all, healthy discovery.Static
	down, hangs  bool
}

var errDown = errors.New("no Consul agent")

func (r registry) Instances(ctx context.Context, service string) ([]discovery.Instance, error) {
	if r.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return r.list(r.all, service)
}

func (r registry) HealthyInstances(_ context.Context, service string) ([]discovery.Instance, error) {
	return r.list(r.healthy, service)
}

func (r registry) list(from discovery.Static, service string) ([]discovery.Instance, error) {
	if r.down {
		return nil, errDown
	}
	return from[service], nil
}

// serve is a process at an address of its own.
func serve(t *testing.T, service, id string, handler http.HandlerFunc) discovery.Instance {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	at, err := netip.ParseAddrPort(server.Listener.Addr().String())
	require.NoError(t, err)
	return discovery.Instance{ID: id, Name: service, Host: at.Addr().String(), Port: int(at.Port())}
}

// telling answers with its guards.
func telling(t *testing.T, guards ...rpc.Snapshot) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, chassis.GuardsPath, r.URL.Path)
		_ = json.NewEncoder(w).Encode(chassis.GuardsReport{Items: guards}) // the asker may have gone
	}
}

func snapshot(target string, state resilience.State) rpc.Snapshot {
	s := rpc.Snapshot{Service: target}
	s.Target = target
	s.Breaker.State = state
	s.Breaker.RemainingOpen = resilience.Seconds(1500 * time.Millisecond)
	s.Bulkheads = []resilience.BulkheadStats{{Purpose: resilience.Compensation, Current: 2, MaxConcurrent: 5}}
	return s
}

func own(guards ...rpc.Snapshot) func() []rpc.Snapshot {
	return func() []rpc.Snapshot { return guards }
}

func open(t *testing.T, listed Registry, own func() []rpc.Snapshot, timeout time.Duration) *Fleet {
	t.Helper()
	f := New(Process{"gateway", "gateway-1"}, own, listed, timeout)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

func TestEveryProcessIsAskedAndWhoIsSilentIsNamed(t *testing.T) {
	open1, closed2 := snapshot("payment", resilience.Open), snapshot("order", resilience.Closed)
	unasked := func(http.ResponseWriter, *http.Request) { t.Error("its own figures come from memory") }
	self := serve(t, "gateway", "gateway-1", unasked)
	sibling := serve(t, "gateway", "gateway-2", http.NotFound)
	internal := serve(t, "gateway", "", telling(t, closed2))
	sibling.Metadata = map[string]string{chassis.MetadataInternal: internal.Addr()}
	worker := serve(t, "workers", "workers-1", telling(t, open1, closed2))
	hanging := serve(t, "workers", "workers-2", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	stranger := serve(t, "workers", "workers-3", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) })
	gone := discovery.Instance{ID: "workers-4", Name: "workers", Host: "127.0.0.1", Port: 1}

	f := open(t, registry{all: discovery.Static{
		"gateway": {self, sibling}, "workers": {worker, hanging, stranger, gone},
	}}, own(open1), 300*time.Millisecond)
	got := f.Guards(t.Context())
	assert.Equal(t, []Report{
		{Process{"gateway", "gateway-1"}, []rpc.Snapshot{open1}},
		{Process{"gateway", "gateway-2"}, []rpc.Snapshot{closed2}},
		{Process{"workers", "workers-1"}, []rpc.Snapshot{open1, closed2}},
	}, got.Reports)
	assert.Equal(t, []Unavailable{
		{Process{"workers", "workers-2"}, "it did not answer in time"},
		{Process{"workers", "workers-3"}, "its answer is not understood"},
		{Process{"workers", "workers-4"}, "it cannot be reached"},
	}, got.Unavailable)
}

func TestWithoutTheRegistryAProcessAnswersForItself(t *testing.T) {
	closed := snapshot("order", resilience.Closed)
	self := []Report{{Process{"gateway", "gateway-1"}, []rpc.Snapshot{closed}}}

	got := open(t, registry{down: true}, own(closed), 0).Guards(t.Context())
	assert.Equal(t, self, got.Reports)
	assert.Equal(t, []Unavailable{
		{Process{Service: "gateway"}, "the registry does not answer"},
		{Process{Service: "workers"}, "the registry does not answer"},
	}, got.Unavailable)

	got = open(t, nil, own(closed), 0).Guards(t.Context())
	assert.Equal(t, Reports{Reports: self}, got, "there is none to ask")
}

func TestWhileTheRegistryIsAwayTheLastKnownProcessesAreAsked(t *testing.T) {
	opened := snapshot("payment", resilience.Open)
	worker := serve(t, "workers", "workers-1", telling(t, opened))
	listed := &registry{all: discovery.Static{"workers": {worker}}}
	f := open(t, listed, own(), 0)
	want := f.Guards(t.Context()).Reports
	require.Len(t, want, 2)

	for _, away := range []*registry{{down: true}, {hangs: true}} {
		*listed = *away
		got := f.Guards(t.Context())
		assert.Equal(t, want, got.Reports)
		assert.Len(t, got.Unavailable, len(callers), "others may have come since")
	}
}

func TestInstancesAreJoinedWithWhatTheirCallersKnow(t *testing.T) {
	first := discovery.Instance{ID: "payment-1", Name: "payment", Host: "10.0.0.1", Port: 80}
	second := discovery.Instance{ID: "payment-2", Name: "payment", Host: "10.0.0.2", Port: 80}
	fixed := discovery.Instance{ID: "10.0.0.3:80", Name: "payment", Host: "10.0.0.3", Port: 80}
	since := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	called := snapshot("payment", resilience.Closed)
	called.Instances = []discovery.InstanceStatus{
		{Instance: first, Since: since, InFlight: 2}, {Instance: fixed, Since: since, Ejected: true, EjectedUntil: since},
	}
	part := called
	part.Target = "payment-audit"
	worker := serve(t, "workers", "workers-1", telling(t, called, part))

	f := open(t, registry{
		all:     discovery.Static{"payment": {first, second}, "workers": {worker}},
		healthy: discovery.Static{"payment": {first}, "workers": {worker}},
	}, own(), 0)
	by := Process{"workers", "workers-1"}
	assert.Equal(t, Instances{Instances: []Instance{
		{fixed, Unknown, []Caller{{by, called.Instances[1]}}},
		{first, Passing, []Caller{{by, called.Instances[0]}}},
		{second, Failing, nil},
		{worker, Passing, nil},
	}}, f.Instances(t.Context()))
}

func TestWithoutTheRegistryInstancesAreThoseThatAreCalled(t *testing.T) {
	fixed := discovery.Instance{ID: "10.0.0.3:80", Name: "payment", Host: "10.0.0.3", Port: 80}
	called := snapshot("payment", resilience.Closed)
	called.Instances = []discovery.InstanceStatus{{Instance: fixed}}
	want := []Instance{{fixed, Unknown, []Caller{{Process{"gateway", "gateway-1"}, called.Instances[0]}}}}

	assert.Equal(t, Instances{Instances: want}, open(t, nil, own(called), 0).Instances(t.Context()))
	got := open(t, registry{down: true}, own(called), 0).Instances(t.Context())
	assert.Equal(t, want, got.Instances)
	assert.Len(t, got.Unavailable, len(services), "each service once")
}
