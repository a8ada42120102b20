package api_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"orderflow/gateway/internal/certificate"
	"orderflow/gateway/internal/codecapi"
	"orderflow/gateway/internal/edge"
	"orderflow/internal/httpserver"
	"orderflow/services/order"
)

// serveAtTheEdge brings the gateway to a port as the product does: over TLS,
// behind headers and compression. The client speaks HTTP/2.
func (g *gateway) serveAtTheEdge() (base string, client *http.Client) {
	g.t.Helper()
	dir := g.t.TempDir()
	source, _, err := certificate.Development(dir, time.Now())
	require.NoError(g.t, err)
	shown, err := certificate.Open(source, certificate.Clients{}, zap.NewNop())
	require.NoError(g.t, err)
	compress, err := edge.Compression(codecapi.Path)
	require.NoError(g.t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(g.t, err)
	server := httpserver.Serve(context.Background(), tls.NewListener(listener, shown.Config()), edge.Headers(compress(g.engine), true))

	trusted, err := os.ReadFile(filepath.Join(dir, certificate.DevelopmentCAFile))
	require.NoError(g.t, err)
	roots := x509.NewCertPool()
	require.True(g.t, roots.AppendCertsFromPEM(trusted))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	g.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		assert.NoError(g.t, server.Shutdown(ctx))
		transport.CloseIdleConnections()
	})
	return "https://" + server.Addr().String(), &http.Client{Transport: transport}
}

func TestABatchGoesBothWaysOverHTTP2(t *testing.T) {
	g := newGateway(t)
	base, client := g.serveAtTheEdge()
	body, lines := io.Pipe()
	defer func() { _ = lines.Close() }()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/v1/orders/batch", body)
	require.NoError(t, err)
	request.Header = http.Header{"Authorization": {"Bearer " + g.ada()}, "Content-Type": {"application/jsonl"}}
	go func() { _, _ = io.WriteString(lines, batchOf(lineOf("shop-0"))) }()
	response, err := client.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, 2, response.ProtoMajor)
	assert.Empty(t, response.Header.Get("Content-Encoding"))
	decoder := json.NewDecoder(response.Body)
	for i := range 3 {
		if i > 0 {
			_, err = io.WriteString(lines, batchOf(lineOf(fmt.Sprint("shop-", i))))
			require.NoError(t, err)
		}
		nextIsPlaced(t, decoder, i)
	}
	require.NoError(t, lines.Close())
	assert.False(t, decoder.More())
}

func TestAStreamIsNotHeldBackOverHTTP2(t *testing.T) {
	g := newGateway(t)
	base, client := g.serveAtTheEdge()
	id := g.placed()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/v1/orders/"+id+"/stream", nil)
	require.NoError(t, err)
	request.Header = http.Header{"Authorization": {"Bearer " + g.ada()}, "Accept-Encoding": {"gzip, zstd"}}
	response, err := client.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, 2, response.ProtoMajor)
	assert.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	assert.Empty(t, response.Header.Get("Content-Encoding"))
	g.becomes(id, order.Cancelled, order.SagaCompensated)
	events, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Contains(t, string(events), "id: 1\nevent: order\ndata: {")
}
