// Package chassistest runs a service's parts in the memory of a test, behind
// HTTP on a local port, as internal/chassis would run them in a process of
// their own. The <service>test packages are built on it.
//
// It is for tests only; nothing of the product imports it.
package chassistest

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/chassis"
	"orderflow/internal/discovery"
	"orderflow/internal/faults"
	"orderflow/internal/httpserver"
	"orderflow/internal/rpc"
	"orderflow/internal/telemetry"
)

// Service is a running service.
type Service struct {
	// Caller calls it as the product does: over HTTP, with breaker and
	// bulkhead.
	Caller *rpc.Client
	// URL is where it listens, "http://127.0.0.1:PORT".
	URL string
	// Instance is what discovery would know of it.
	Instance discovery.Instance
}

// drainTimeout is for the requests that a test has left behind.
const drainTimeout = 10 * time.Second

// Start serves the parts under the service's name until the test ends, then
// drains as internal/chassis does (so that waiting requests answer, see
// httpserver.Draining), stops the background work, requires that all of it
// ended well, and closes.
func Start(t testing.TB, name string, parts chassis.Parts, injected faults.Spec) Service {
	t.Helper()
	if parts.Close != nil {
		t.Cleanup(func() { require.NoError(t, parts.Close()) })
	}
	for _, work := range parts.Background {
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- work(ctx) }()
		t.Cleanup(func() {
			stop()
			require.NoError(t, <-done)
		})
	}
	reports := telemetry.Discard()
	engine := httpserver.NewEngine(httpserver.Options{
		Name: name, Telemetry: reports, Faults: injected, Checks: parts.Checks,
	})
	if parts.Routes != nil {
		parts.Routes(engine)
	}
	listener, err := httpserver.Listen("127.0.0.1:0")
	require.NoError(t, err)
	server := httpserver.Serve(context.Background(), listener, engine)
	t.Cleanup(func() {
		draining, cancel := context.WithTimeout(context.Background(), drainTimeout)
		defer cancel()
		require.NoError(t, server.Shutdown(draining))
	})

	instance := instanceAt(t, name, server.Addr())
	caller := rpc.NewClient(name, discovery.Static{name: {instance}}, rpc.Config{}, reports)
	t.Cleanup(func() { require.NoError(t, caller.Close()) })
	return Service{Caller: caller, URL: "http://" + server.Addr().String(), Instance: instance}
}

func instanceAt(t testing.TB, name string, addr net.Addr) discovery.Instance {
	host, text, err := net.SplitHostPort(addr.String())
	require.NoError(t, err)
	port, err := strconv.Atoi(text)
	require.NoError(t, err)
	return discovery.Instance{ID: name + "-1", Name: name, Host: host, Port: port}
}
