package rpc

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"orderflow/internal/discovery"
	"orderflow/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a payment service for the test.
func serve(t testing.TB, handler http.HandlerFunc) discovery.Instance {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return instanceAt(t, server.Listener.Addr())
}

func instanceAt(t testing.TB, addr net.Addr) discovery.Instance {
	t.Helper()
	host, port, err := net.SplitHostPort(addr.String())
	require.NoError(t, err)
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	return discovery.Instance{ID: "payment-1", Name: "payment", Host: host, Port: number}
}

// goneInstance is one whose process has ended: nobody listens there.
func goneInstance(t testing.TB) discovery.Instance {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { assert.NoError(t, listener.Close()) }()
	return instanceAt(t, listener.Addr())
}

func newTestClient(t testing.TB, cfg Config, reports *telemetry.Telemetry, instances ...discovery.Instance) *Client {
	t.Helper()
	return closing(t, NewClient("payment", discovery.Static{"payment": instances}, cfg, reports))
}

func closing(t testing.TB, c *Client) *Client {
	t.Helper()
	t.Cleanup(func() { assert.NoError(t, c.Close()) })
	return c
}

// get makes one call without bodies.
func get(ctx context.Context, c *Client) error {
	return c.Call(ctx, http.MethodGet, "/v1/charges", nil, nil)
}

// failureOf asserts that err is an *Error, as it must reach callers.
func failureOf(t testing.TB, err error) *Error {
	t.Helper()
	var failure *Error
	require.ErrorAs(t, err, &failure)
	assert.Equal(t, "payment", failure.Target)
	assert.True(t, failure.Retryable())
	return failure
}
