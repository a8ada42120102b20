package main

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/gateway/openapi/openapitest"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
)

// What goes on inside is for those who run the gateway: the public address
// answers strangers whether it is ready, and nothing else.
func TestStrangersSeeNothingOfTheInside(t *testing.T) {
	forwarded := func(name string) http.Header { return http.Header{name: {"203.0.113.5"}} }
	for name, test := range map[string]struct {
		settings map[string]string
		from     string
		header   http.Header
		sees     bool
	}{
		"this machine":                     {nil, "127.0.0.1:1", nil, true},
		"this machine by IPv6":             {nil, "[::1]:1", nil, true},
		"another machine":                  {nil, "10.0.0.7:1", nil, false},
		"another one that says it is this": {nil, "10.0.0.7:1", http.Header{"X-Forwarded-For": {"127.0.0.1"}}, false},
		"a proxy on this machine":          {nil, "127.0.0.1:1", forwarded("X-Forwarded-For"), false},
		"a proxy by the standard":          {nil, "127.0.0.1:1", forwarded("Forwarded"), false},
		"a proxy that nobody knows of":     {nil, "127.0.0.1:1", forwarded("Via"), false},
		"TLS in front":                     {map[string]string{"ORDERFLOW_TLS_IN_FRONT": "true"}, "127.0.0.1:1", nil, false},
		"a known proxy":                    {map[string]string{"ORDERFLOW_TRUSTED_PROXIES": "127.0.0.1"}, "127.0.0.1:1", nil, false},
		"everybody, by setting":            {map[string]string{"ORDERFLOW_PUBLIC_INSIGHT": "true"}, "10.0.0.7:1", nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := load(test.settings)
			require.NoError(t, err)
			engine := httpserver.NewEngine(httpserver.Options{
				Name: "gateway", Public: true, Insight: cfg.insight(),
				Checks: map[string]func(context.Context) error{"temporal": func(context.Context) error { return errors.New("10.1.2.3:7233 does not answer") }},
			})
			ask := func(path string) *httptest.ResponseRecorder {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
				r.RemoteAddr = test.from
				maps.Copy(r.Header, test.header)
				recorder := httptest.NewRecorder()
				engine.ServeHTTP(recorder, r)
				assert.NoError(t, openapitest.Load(t).Check(openapitest.Exchange{
					Request: r, Status: recorder.Code, Header: recorder.Header(), Body: recorder.Body.Bytes(),
				}))
				return recorder
			}
			assert.Equal(t, http.StatusOK, ask("/healthz").Code)
			ready, metrics := ask("/readyz"), ask("/metrics")
			assert.Equal(t, http.StatusServiceUnavailable, ready.Code, "whoever balances the load has to know")
			if test.sees {
				assert.Contains(t, ready.Body.String(), "10.1.2.3")
				assert.Equal(t, http.StatusOK, metrics.Code)
				return
			}
			assert.JSONEq(t, `{"name":"gateway","status":"unready"}`, ready.Body.String())
			assert.Equal(t, http.StatusNotFound, metrics.Code)
			assert.Equal(t, problem.MediaType, metrics.Header().Get("Content-Type"))
		})
	}
}
