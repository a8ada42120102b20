package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/gateway/openapi/openapitest"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
)

// What goes on inside is for those who run the gateway: in production mode the
// public address answers everybody whether it is ready, and nothing else. That
// is so for its own machine, too, where a proxy of strangers may be.
func TestProductionShowsNothingOfTheInside(t *testing.T) {
	for name, test := range map[string]struct {
		settings map[string]string
		sees     bool
	}{
		"development":                  {nil, true},
		"development behind a proxy":   {map[string]string{"ORDERFLOW_TLS_IN_FRONT": "true", "ORDERFLOW_TRUSTED_PROXIES": "127.0.0.1"}, true},
		"production":                   {production(), false},
		"production with its own cert": {production(map[string]string{"ORDERFLOW_TLS_IN_FRONT": "", "ORDERFLOW_TLS_CERT": "c", "ORDERFLOW_TLS_KEY": "k"}), false},
		"production, by setting":       {production(map[string]string{"ORDERFLOW_PUBLIC_INSIGHT": "true"}), true},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := load(test.settings)
			require.NoError(t, err)
			engine := httpserver.NewEngine(httpserver.Options{
				Name: "gateway", Public: true, HideInsight: cfg.hideInsight(),
				Checks: map[string]func(context.Context) error{"temporal": func(context.Context) error { return errors.New("10.1.2.3:7233 does not answer") }},
			})
			ask := func(method, path string) *httptest.ResponseRecorder {
				r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
				r.RemoteAddr = "127.0.0.1:1"
				recorder := httptest.NewRecorder()
				engine.ServeHTTP(recorder, r)
				if method == http.MethodGet {
					assert.NoError(t, openapitest.Load(t).Check(openapitest.Exchange{
						Request: r, Status: recorder.Code, Header: recorder.Header(), Body: recorder.Body.Bytes(),
					}))
				}
				return recorder
			}
			assert.Equal(t, http.StatusOK, ask(http.MethodGet, "/healthz").Code)
			ready, metrics := ask(http.MethodGet, "/readyz"), ask(http.MethodGet, "/metrics")
			assert.Equal(t, http.StatusServiceUnavailable, ready.Code, "whoever balances the load has to know")
			assert.Equal(t, metrics.Code, ask(http.MethodHead, "/metrics").Code)
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
