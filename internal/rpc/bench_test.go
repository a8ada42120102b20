package rpc

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"orderflow/internal/discovery"
	"orderflow/internal/resilience"
	"orderflow/internal/servicetoken"
)

// watchedResolver follows a registry in which nothing changes.
func watchedResolver(b *testing.B) *discovery.Watched {
	b.Helper()
	ended := make(chan struct{})
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("index") != "" {
			select {
			case <-ended:
			case <-r.Context().Done():
			}
			return
		}
		w.Header().Set("X-Consul-Index", "7")
		w.Header().Set("X-Consul-LastContact", "0")
		_, _ = io.WriteString(w, `[
			{"Service": {"ID": "a", "Service": "payment", "Address": "127.0.0.1", "Port": 1}},
			{"Service": {"ID": "b", "Service": "payment", "Address": "127.0.0.1", "Port": 2}},
			{"Service": {"ID": "c", "Service": "payment", "Address": "127.0.0.1", "Port": 3}}]`)
	}))
	b.Cleanup(registry.Close)
	b.Cleanup(func() { close(ended) })
	consul, err := discovery.NewConsul(discovery.ConsulConfig{Addr: registry.Listener.Addr().String()}, zap.NewNop())
	require.NoError(b, err)
	b.Cleanup(consul.Close)
	watched := discovery.NewWatched(consul, zap.NewNop())
	b.Cleanup(func() { assert.NoError(b, watched.Close()) })
	_, err = watched.Next(b.Context(), "payment")
	require.NoError(b, err)
	return watched
}

// The two benchmarks belong together: what budget, bulkhead, breaker and
// resolver cost, with ejection on, and what the loopback HTTP call costs that
// they guard. The aim is at most a fiftieth, without an allocation.

func BenchmarkGuardAndResolve(b *testing.B) {
	c := NewClient("payment", watchedResolver(b), Config{}, nil)
	b.Cleanup(func() { assert.NoError(b, c.Close()) })
	answered := func(context.Context, discovery.Instance) error { return nil }
	attempt := func(ctx context.Context) (resilience.Outcome, error) { return c.balanced(ctx, answered) }
	for name, ctx := range map[string]context.Context{
		"first": b.Context(),
		"retry": WithAttempt(b.Context(), 2),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := c.guarded(ctx, attempt); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestGuardAndResolveAllocateNothing(t *testing.T) {
	f := newFleet(map[string]behaviour{"a:1": nil, "b:1": nil, "c:1": nil})
	c := newFleetClient(t, Config{}, f)
	answered := func(context.Context, discovery.Instance) error { return nil }
	attempt := func(ctx context.Context) (resilience.Outcome, error) { return c.balanced(ctx, answered) }
	for name, ctx := range map[string]context.Context{
		"first": t.Context(), "retry": WithPurpose(WithAttempt(t.Context(), 2), Compensation),
	} {
		assert.Zero(t, testing.AllocsPerRun(1_000, func() { _ = c.guarded(ctx, attempt) }), name)
	}
}

func BenchmarkCallOverLoopback(b *testing.B) {
	key, _, err := servicetoken.OpenKeys(b.TempDir())
	require.NoError(b, err)
	instance := serve(b, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"orderId":"order-1","amount":1}`))
	})
	for name, authorizer := range map[string]Authorizer{"unsigned": nil, "signed": servicetoken.NewSigner(key, "gateway", nil)} {
		b.Run(name, func(b *testing.B) {
			c := newTestClient(b, Config{}, nil, instance)
			c.authorizer = authorizer
			ctx, in := b.Context(), charge{"order-1", 1}
			b.ReportAllocs()
			for b.Loop() {
				var out charge
				require.NoError(b, c.Call(ctx, http.MethodPost, "/v1/charges", in, &out))
			}
		})
	}
}

func TestASignatureAllocatesNothingInARequest(t *testing.T) {
	key, _, err := servicetoken.OpenKeys(t.TempDir())
	require.NoError(t, err)
	instance := discovery.Instance{Host: "127.0.0.1", Port: 1}
	allocations := func(authorizer Authorizer) float64 {
		c := closing(t, NewClient("payment", discovery.Static{}, Config{}, nil, WithAuthorizer(authorizer)))
		return testing.AllocsPerRun(1_000, func() { _, _ = c.newRequest(t.Context(), http.MethodGet, instance, "/v1/charges", nil) })
	}
	assert.Equal(t, allocations(nil), allocations(servicetoken.NewSigner(key, "gateway", nil)))
}
