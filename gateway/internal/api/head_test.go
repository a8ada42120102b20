package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/services/order"
)

// What HEAD would say besides is what GET says: RFC 9110, section 9.3.2.
func TestHeadAnswersAsGetDoesWithoutTheBody(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.becomes(id, order.Shipped, order.SagaCompleted)
	server := httptest.NewServer(g.engine)
	t.Cleanup(server.Close)
	ask := func(method, path, token string) (*http.Response, []byte) {
		request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		require.NoError(t, err)
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := server.Client().Do(request)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response, body
	}
	paths := []string{"/healthz", "/readyz", "/openapi.yaml", "/docs", "/docs/style.css", "/codec/session"}
	for route, row := range rights {
		if strings.HasPrefix(route, "GET ") && !strings.HasSuffix(route, "/stream") {
			paths = append(paths, strings.Replace(row.path, "ORDER", id, 1))
		}
	}
	for _, path := range paths {
		for _, token := range []string{"", g.ada(), g.token("cust-bob", "orders:read"), g.eve()} {
			want, _ := ask(http.MethodGet, path, token)
			got, body := ask(http.MethodHead, path, token)
			assert.Equal(t, want.StatusCode, got.StatusCode, path)
			for _, name := range []string{"Content-Type", "Content-Length", "ETag", "WWW-Authenticate"} {
				assert.Equal(t, want.Header.Get(name), got.Header.Get(name), "%s of %s", name, path)
			}
			assert.Empty(t, body, path)
		}
	}
}
