package main

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/internal/telemetry"
	"orderflow/internal/token"
)

// servePlain serves what build makes over HTTP.
func servePlain(t testing.TB, environment map[string]string) (base string) {
	t.Helper()
	cfg, err := load(environment)
	require.NoError(t, err)
	parts, err := build(cfg, telemetry.Discard())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, parts.Close()) })
	engine := httpserver.NewEngine(httpserver.Options{Name: "gateway", Public: parts.Public, BodyLimits: parts.BodyLimits})
	parts.Routes(engine)
	listener, err := httpserver.Listen("127.0.0.1:0")
	require.NoError(t, err)
	server := httpserver.Serve(context.Background(), listener, parts.Handler(engine))
	t.Cleanup(func() { assert.NoError(t, server.Shutdown(context.Background())) })
	return "http://" + server.Addr().String()
}

// Two whole gateways on one database let through together what one may, and
// refuse writes when the database cannot count.
func TestTwoGatewaysShareOneRateBudget(t *testing.T) {
	const burst = 40
	dsn, keysDir := sqlstoretest.Postgres(t), filepath.Join(t.TempDir(), "keys")
	environment := map[string]string{
		"ORDERFLOW_KEYS_DIR": keysDir, "ORDERFLOW_TEMPORAL_ADDR": "127.0.0.1:1", "ORDERFLOW_CONSUL_ADDR": "127.0.0.1:1",
		"ORDERFLOW_LIMITS_DSN": dsn, "ORDERFLOW_RATE_LIMIT": "1", "ORDERFLOW_RATE_BURST": "40",
	}
	gateways := []string{servePlain(t, environment), servePlain(t, environment)}
	keys, _, err := token.OpenKeys(keysDir)
	require.NoError(t, err)
	ada, err := keys.Issue("cust-ada", "orders:read orders:write", time.Hour, time.Now())
	require.NoError(t, err)
	bob, err := keys.Issue("cust-bob", "orders:read orders:write", time.Hour, time.Now())
	require.NoError(t, err)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	// An order without a body is refused, but it has been counted before.
	ask := func(gateway, method, path, credential string) *http.Response {
		request, err := http.NewRequestWithContext(t.Context(), method, gateway+path, strings.NewReader(""))
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+credential)
		response, err := (&http.Client{Transport: transport}).Do(request)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response
	}
	place := func(gateway, credential string) *http.Response {
		return ask(gateway, http.MethodPost, "/v1/orders", credential)
	}

	began := time.Now()
	answers := map[int]int{}
	for i := range 3 * burst {
		answers[place(gateways[i%2], ada).StatusCode]++
	}
	// A busy machine may not count in time; what was lost so was not let through.
	uncounted := answers[http.StatusServiceUnavailable]
	allowed := answers[http.StatusBadRequest]
	assert.LessOrEqual(t, allowed, burst+int(time.Since(began).Seconds()))
	assert.GreaterOrEqual(t, allowed, burst-uncounted)
	assert.Equal(t, 3*burst, allowed+uncounted+answers[http.StatusTooManyRequests], answers)

	database, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	_, err = database.Exec(t.Context(), "DROP TABLE rate_limit")
	require.NoError(t, err)
	require.NoError(t, database.Close(t.Context()))
	for _, gateway := range gateways {
		for range 10 {
			refused := place(gateway, bob)
			assert.Equal(t, http.StatusServiceUnavailable, refused.StatusCode)
			assert.Equal(t, "1", refused.Header.Get("Retry-After"))
			assert.Equal(t, problem.MediaType, refused.Header.Get("Content-Type"))
		}
		read := ask(gateway, http.MethodGet, "/v1/orders/none", bob)
		assert.Equal(t, http.StatusNotFound, read.StatusCode, "what changes nothing goes on")
	}
}
