package edge_test

import (
	"compress/gzip"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"orderflow/gateway/internal/edge"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ask(t *testing.T, handler http.Handler, method, path string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for name, values := range header {
		request.Header[name] = values
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder
}

func TestEveryAnswerTellsBrowsersToDoNothingWithIt(t *testing.T) {
	engine := httpserver.NewEngine(httpserver.Options{Name: "gateway"})
	engine.GET("/panic", func(*gin.Context) { panic("boom") })
	handler := edge.Headers(engine, true)
	for path, status := range map[string]int{"/healthz": 200, "/metrics": 200, "/nowhere": 404, "/panic": 500} {
		answer := ask(t, handler, http.MethodGet, path, nil)
		assert.Equal(t, status, answer.Code)
		for name, value := range map[string]string{
			"X-Content-Type-Options":       "nosniff",
			"Referrer-Policy":              "no-referrer",
			"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Cache-Control":                "no-store",
		} {
			assert.Equal(t, []string{value}, answer.Header().Values(name), "%s of %s", name, path)
		}
		assert.Empty(t, answer.Header().Get("Strict-Transport-Security"), "there is no transport to be strict about")
	}
}

func TestStrictTransportIsDemandedOverTLSOnly(t *testing.T) {
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	request.TLS = &tls.ConnectionState{}
	for trusted, want := range map[bool]string{true: "max-age=31536000", false: ""} {
		recorder := httptest.NewRecorder()
		edge.Headers(http.NotFoundHandler(), trusted).ServeHTTP(recorder, request)
		assert.Equal(t, want, recorder.Header().Get("Strict-Transport-Security"))
	}
}

// large is JSON that is worth compressing.
var large = map[string]string{"text": strings.Repeat("orders and more orders, ", 400)}

func newCompressed(t *testing.T) http.Handler {
	t.Helper()
	engine := httpserver.NewEngine(httpserver.Options{Name: "gateway"})
	engine.GET("/large", func(c *gin.Context) { httpserver.Respond(c, http.StatusOK, large) })
	engine.GET("/small", func(c *gin.Context) { httpserver.Respond(c, http.StatusOK, "small") })
	engine.GET("/strong", func(c *gin.Context) { c.Header("ETag", `"3"`); httpserver.Respond(c, http.StatusOK, large) })
	engine.GET("/weak", func(c *gin.Context) { c.Header("ETag", `W/"3"`); httpserver.Respond(c, http.StatusOK, large) })
	engine.GET("/unchanged", func(c *gin.Context) { c.Header("ETag", `W/"3"`); httpserver.Respond(c, http.StatusNotModified, nil) })
	engine.GET("/codec/secret", func(c *gin.Context) { httpserver.Respond(c, http.StatusOK, large) })
	engine.GET("/image", func(c *gin.Context) { c.Data(http.StatusOK, "image/png", make([]byte, 10_000)) })
	engine.GET("/compressed", func(c *gin.Context) {
		c.Header("Content-Encoding", "gzip")
		c.Data(http.StatusOK, "application/json", []byte(strings.Repeat("x", 10_000)))
	})
	engine.GET("/stream", func(c *gin.Context) {
		c.Header("Content-Type", "text/event-stream")
		c.Status(http.StatusOK)
		writer := httpserver.NewStreamWriter(c.Writer, time.Minute)
		defer writer.Close()
		for i := range 3 {
			_, _ = fmt.Fprintf(writer, "data: %d%s\n\n", i, strings.Repeat(".", 2000))
		}
	})
	compress, err := edge.Compression("/codec")
	require.NoError(t, err)
	return compress(engine)
}

func TestLargeAnswersAreCompressedAsTheClientWishes(t *testing.T) {
	handler := newCompressed(t)
	want := ask(t, handler, http.MethodGet, "/large", nil)
	assert.Empty(t, want.Header().Get("Content-Encoding"))
	for accepted, coding := range map[string]string{
		"gzip":                           "gzip",
		"zstd":                           "zstd",
		"gzip, zstd":                     "zstd",
		"gzip, deflate, br":              "gzip",
		"gzip;q=1.0, zstd;q=0.5":         "gzip",
		"gzip;q=0.2, zstd;q=0.9, br;q=1": "zstd",
		"gzip;q=0, zstd;q=0":             "",
		"gzip;q=0":                       "",
		"br":                             "",
		"identity":                       "",
		"":                               "",
	} {
		t.Run(accepted, func(t *testing.T) {
			answer := ask(t, handler, http.MethodGet, "/large", http.Header{"Accept-Encoding": {accepted}})
			assert.Equal(t, http.StatusOK, answer.Code)
			assert.Equal(t, coding, answer.Header().Get("Content-Encoding"))
			assert.Equal(t, "Accept-Encoding", answer.Header().Get("Vary"))
			assert.Equal(t, "application/json", answer.Header().Get("Content-Type"))
			var body io.Reader = answer.Body
			length := answer.Body.Len()
			var err error
			switch coding {
			case "gzip":
				body, err = gzip.NewReader(answer.Body)
			case "zstd":
				body, err = zstd.NewReader(answer.Body, zstd.WithDecoderConcurrency(1))
			}
			require.NoError(t, err)
			read, err := io.ReadAll(body)
			require.NoError(t, err)
			assert.Equal(t, want.Body.String(), string(read))
			if coding != "" {
				assert.Less(t, length, len(read)/4)
				assert.Empty(t, answer.Header().Get("Content-Length"))
			}
		})
	}
}

func TestWhatWouldGainNothingOrLoseItsMeaningStaysAsItIs(t *testing.T) {
	handler := newCompressed(t)
	accepting := http.Header{"Accept-Encoding": {"gzip, zstd"}}
	for path, why := range map[string]string{
		"/small":        "it fits into one packet",
		"/strong":       "its tag names these bytes",
		"/image":        "it is compressed in its own way",
		"/stream":       "events must not wait for each other",
		"/codec/secret": "its length must not tell of it",
	} {
		answer := ask(t, handler, http.MethodGet, path, accepting)
		assert.Equal(t, http.StatusOK, answer.Code, path)
		assert.Empty(t, answer.Header().Get("Content-Encoding"), why)
		assert.Empty(t, answer.Header().Get("No-Gzip-Compression"), "the mark is not sent")
	}
	assert.Equal(t, `"3"`, ask(t, handler, http.MethodGet, "/strong", accepting).Header().Get("ETag"))
	twice := ask(t, handler, http.MethodGet, "/compressed", accepting)
	assert.Equal(t, []string{"gzip"}, twice.Header().Values("Content-Encoding"))
	assert.Equal(t, 10_000, twice.Body.Len(), "it is not compressed twice")

	weak := ask(t, handler, http.MethodGet, "/weak", accepting)
	assert.Equal(t, "zstd", weak.Header().Get("Content-Encoding"))
	assert.Equal(t, `W/"3"`, weak.Header().Get("ETag"))
	unchanged := ask(t, handler, http.MethodGet, "/unchanged", accepting)
	assert.Equal(t, http.StatusNotModified, unchanged.Code)
	assert.Equal(t, "Accept-Encoding", unchanged.Header().Get("Vary"), "as the answer would have had")
	assert.Empty(t, unchanged.Header().Get("Content-Encoding"))
}

// A handler reaches the connection through the compression.
func TestStreamsPassThroughAtOnce(t *testing.T) {
	engine := httpserver.NewEngine(httpserver.Options{Name: "gateway"})
	read := make(chan struct{})
	engine.GET("/stream", func(c *gin.Context) {
		assert.NoError(t, http.NewResponseController(c.Writer).EnableFullDuplex())
		c.Header("Content-Type", "text/event-stream")
		writer := httpserver.NewStreamWriter(c.Writer, time.Minute)
		defer writer.Close()
		_, err := writer.Write([]byte("data: 1\n\n"))
		assert.NoError(t, err)
		<-read
	})
	compress, err := edge.Compression("/codec")
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := httpserver.Serve(context.Background(), listener, compress(engine))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+listener.Addr().String()+"/stream", nil)
	require.NoError(t, err)
	request.Header.Set("Accept-Encoding", "gzip")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	event := make([]byte, 9)
	_, err = io.ReadFull(response.Body, event)
	require.NoError(t, err)
	assert.Equal(t, "data: 1\n\n", string(event))
	close(read)
	require.NoError(t, response.Body.Close())
	http.DefaultClient.CloseIdleConnections()
	require.NoError(t, server.Shutdown(context.Background()))
}

func TestAGateRefusesWhatHasNoPlace(t *testing.T) {
	gate := edge.NewGate(1)
	inside, leave := make(chan struct{}), make(chan struct{})
	engine := httpserver.NewEngine(httpserver.Options{Name: "gateway"})
	engine.Group("/v1", gate.Middleware).GET("/slow", func(c *gin.Context) {
		close(inside)
		<-leave
		httpserver.Respond(c, http.StatusOK, "done")
	})
	engine.Group("/v1", gate.Middleware).GET("/quick", func(c *gin.Context) { httpserver.Respond(c, http.StatusOK, "done") })
	engine.Group("/v1", gate.Middleware).GET("/panic", func(*gin.Context) { panic("boom") })

	first := make(chan int, 1)
	go func() { first <- ask(t, engine, http.MethodGet, "/v1/slow", nil).Code }()
	<-inside
	refused := ask(t, engine, http.MethodGet, "/v1/quick", nil)
	assert.Equal(t, http.StatusServiceUnavailable, refused.Code)
	assert.Contains(t, refused.Body.String(), problem.Unavailable.Type())
	assert.Equal(t, "1", refused.Header().Get("Retry-After"))
	assert.Equal(t, http.StatusOK, ask(t, engine, http.MethodGet, "/healthz", nil).Code, "health always answers")
	close(leave)
	assert.Equal(t, http.StatusOK, <-first)
	assert.Equal(t, http.StatusOK, ask(t, engine, http.MethodGet, "/v1/quick", nil).Code)
	assert.Equal(t, http.StatusInternalServerError, ask(t, engine, http.MethodGet, "/v1/panic", nil).Code)
	assert.Equal(t, http.StatusOK, ask(t, engine, http.MethodGet, "/v1/quick", nil).Code, "a panic gives its place back")
}
