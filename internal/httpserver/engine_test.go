package httpserver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"orderflow/internal/faults"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lockedBuffer takes log lines from several goroutines.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

type item struct {
	Name     string `json:"name"`
	Quantity int64  `json:"quantity"`
}

func (i *item) Validate() error {
	var violations problem.Violations
	if i.Quantity < 1 {
		violations.Add("/quantity", "must be at least 1")
	}
	if i.Name == "plain" {
		return errors.New("plain is taken")
	}
	return violations.Err()
}

// newEngine has one route of each kind; logs collects its log lines.
func newEngine(t *testing.T, o httpserver.Options) (engine *gin.Engine, logs *lockedBuffer) {
	t.Helper()
	logs = &lockedBuffer{}
	tel, err := telemetry.Start(t.Context(), "shop", "shop-1", "v1", telemetry.Config{LogLevel: "debug", LogOutput: logs})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, tel.Close(context.Background())) })
	o.Name, o.Telemetry = "shop", tel

	engine = httpserver.NewEngine(o)
	engine.POST("/v1/items", func(c *gin.Context) {
		var got item
		if err := httpserver.Bind(c, &got); err != nil {
			httpserver.Fail(c, err)
			return
		}
		httpserver.Respond(c, http.StatusCreated, got)
	})
	engine.GET("/v1/orders/:orderId", func(c *gin.Context) {
		httpserver.Respond(c, http.StatusOK, map[string]string{
			"id": c.Param("orderId"), "logged": telemetry.OrderID(c.Request.Context()),
			"traceId": telemetry.TraceID(c.Request.Context()),
		})
	})
	engine.POST("/v1/orders/:orderId/cancel", func(c *gin.Context) { httpserver.Respond(c, http.StatusNoContent, nil) })
	engine.GET("/panic", func(*gin.Context) { panic("boom with password") })
	engine.GET("/panic-late", func(c *gin.Context) {
		c.String(http.StatusOK, "half")
		c.Writer.Flush()
		panic("boom")
	})
	engine.GET("/fail", func(c *gin.Context) {
		httpserver.SetOrderID(c, "order-7")
		httpserver.Fail(c, fmt.Errorf("reading /var/lib/secret: %w", io.ErrUnexpectedEOF))
	})
	engine.GET("/nothing", func(c *gin.Context) { httpserver.Fail(c, nil) })
	engine.GET("/slow", func(c *gin.Context) { httpserver.Fail(c, fmt.Errorf("asking: %w", context.DeadlineExceeded)) })
	engine.GET("/unencodable", func(c *gin.Context) { httpserver.Respond(c, http.StatusOK, func() {}) })
	return engine, logs
}

func serve(engine http.Handler, request *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	engine.ServeHTTP(recorder, request)
	return recorder
}

func post(path, contentType, body string) *http.Request {
	request := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	return request
}

func get(path string) *http.Request { return httptest.NewRequest(http.MethodGet, path, nil) }

// requireProblem checks the form that every refusal has.
func requireProblem(t *testing.T, recorder *httptest.ResponseRecorder, code problem.Code) problem.Document {
	t.Helper()
	require.Equal(t, code.Status(), recorder.Code, recorder.Body.String())
	require.Equal(t, problem.MediaType, recorder.Header().Get("Content-Type"))
	var document problem.Document
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &document))
	assert.Equal(t, code.Type(), document.Type)
	assert.Equal(t, code.Status(), document.Status)
	assert.Len(t, document.TraceID, 32)
	for _, internal := range []string{"password", "/var/lib", "goroutine", ".go:"} {
		assert.NotContains(t, recorder.Body.String(), internal)
	}
	return document
}

func TestBadBodiesAreRefused(t *testing.T) {
	engine, _ := newEngine(t, httpserver.Options{BodyLimit: 100})
	const good = `{"name":"kettle","quantity":2}`
	gzipped := post("/v1/items", "application/json", good)
	gzipped.Header.Set("Content-Encoding", "gzip")
	unknownLength := post("/v1/items", "application/json", `{"name":"`+strings.Repeat("a", 100)+`"}`)
	unknownLength.ContentLength = -1
	brokenOff := post("/v1/items", "application/json", "")
	brokenOff.Body, brokenOff.ContentLength = io.NopCloser(brokenReader{}), 50

	tests := map[string]struct {
		request *http.Request
		code    problem.Code
		pointer string
	}{
		"no body":                     {post("/v1/items", "application/json", ""), problem.Malformed, ""},
		"no body and no type":         {post("/v1/items", "", ""), problem.Malformed, ""},
		"truncated":                   {post("/v1/items", "application/json", `{"name"`), problem.Malformed, ""},
		"broken off":                  {brokenOff, problem.Malformed, ""},
		"unknown field":               {post("/v1/items", "application/json", `{"price":1}`), problem.Malformed, "/price"},
		"no type":                     {post("/v1/items", "", good), problem.UnsupportedMediaType, ""},
		"form":                        {post("/v1/items", "application/x-www-form-urlencoded", good), problem.UnsupportedMediaType, ""},
		"text":                        {post("/v1/items", "text/json", good), problem.UnsupportedMediaType, ""},
		"broken type":                 {post("/v1/items", "application/json; charset", good), problem.UnsupportedMediaType, ""},
		"another charset":             {post("/v1/items", "application/json; charset=latin1", good), problem.UnsupportedMediaType, ""},
		"compressed":                  {gzipped, problem.UnsupportedMediaType, ""},
		"too large":                   {post("/v1/items", "application/json", `{"name":"`+strings.Repeat("a", 100)+`"}`), problem.TooLarge, ""},
		"too large of unknown length": {unknownLength, problem.TooLarge, ""},
		"wrong kind":                  {post("/v1/items", "application/json", `{"quantity":"2"}`), problem.Invalid, "/quantity"},
		"refused by Validate":         {post("/v1/items", "application/json", `{"quantity":0}`), problem.Invalid, "/quantity"},
		"refused without a problem":   {post("/v1/items", "application/json", `{"name":"plain","quantity":1}`), problem.Invalid, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			document := requireProblem(t, serve(engine, test.request), test.code)
			assert.Equal(t, "/v1/items", document.Instance)
			if test.pointer != "" {
				require.Len(t, document.Errors, 1)
				assert.Equal(t, test.pointer, document.Errors[0].Pointer)
			}
		})
	}
	for _, contentType := range []string{"application/json", "application/json; charset=UTF-8", "Application/JSON"} {
		recorder := serve(engine, post("/v1/items", contentType, good))
		assert.Equal(t, http.StatusCreated, recorder.Code, contentType)
		assert.JSONEq(t, good, recorder.Body.String())
		assert.Equal(t, "application/json", recorder.Header().Get("Content-Type"))
		assert.Equal(t, "no-store", recorder.Header().Get("Cache-Control"))
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestOnlyTheExactPathAndMethodAreServed(t *testing.T) {
	engine, _ := newEngine(t, httpserver.Options{})
	tests := []struct {
		name, method, path string
		code               problem.Code
	}{
		{"unknown path", http.MethodGet, "/v1/nothing", problem.NoRoute},
		{"trailing slash", http.MethodGet, "/v1/orders/order-7/", problem.NoRoute},
		{"other case", http.MethodGet, "/V1/orders/order-7", problem.NoRoute},
		{"double slash", http.MethodGet, "//v1/orders/order-7", problem.NoRoute},
		{"dots", http.MethodGet, "/v1/x/../orders/order-7", problem.NoRoute},
		{"encoded letter of the route", http.MethodGet, "/v1/%6frders/order-7", problem.NoRoute},
		{"wrong method", http.MethodDelete, "/v1/items", problem.MethodNotAllowed},
		{"trace", http.MethodTrace, "/v1/items", problem.MethodNotAllowed},
		{"made-up method", "BREW", "/v1/items", problem.MethodNotAllowed},
	}
	public, _ := newEngine(t, httpserver.Options{Public: true})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.code == problem.NoRoute {
				requireProblem(t, serve(public, httptest.NewRequest(test.method, test.path, nil)), problem.NotFound)
			}
			recorder := serve(engine, httptest.NewRequest(test.method, test.path, nil))
			requireProblem(t, recorder, test.code)
			if test.code == problem.MethodNotAllowed {
				assert.Equal(t, http.MethodPost, recorder.Header().Get("Allow"))
			}
		})
	}
}

func TestAnEncodedSlashStaysInItsSegment(t *testing.T) {
	engine, _ := newEngine(t, httpserver.Options{})
	recorder := serve(engine, httptest.NewRequest(http.MethodPost, "/v1/orders/order-7%2fcancel", nil))
	assert.Equal(t, http.StatusMethodNotAllowed, recorder.Code, "it is GET /v1/orders/:orderId, not the cancel route")

	recorder = serve(engine, get("/v1/orders/..%2forder-7"))
	require.Equal(t, http.StatusOK, recorder.Code)
	assert.Contains(t, recorder.Body.String(), `"id":"../order-7"`)
	assert.Contains(t, recorder.Body.String(), `"logged":""`, "what is no ID is not logged as one")
}

func TestHugeHeadersAreRefused(t *testing.T) {
	engine, _ := newEngine(t, httpserver.Options{})
	request := get("/v1/orders/order-7")
	request.Header.Set("X-Huge", strings.Repeat("a", httpserver.MaxHeaderBytes))
	requireProblem(t, serve(engine, request), problem.HeadersTooLarge)
}

func TestFailuresTellNothingInternalButAreLogged(t *testing.T) {
	tests := []struct {
		path   string
		code   problem.Code
		logged []string
	}{
		{"/panic", problem.Internal, []string{`"panic":"boom with password"`, "stack", "panic in a handler"}},
		{"/fail", problem.Internal, []string{"/var/lib/secret", `"orderId":"order-7"`, `"level":"error"`, `"route":"/fail"`}},
		{"/nothing", problem.Internal, []string{"failed without an error"}},
		{"/slow", problem.Timeout, []string{`"status":503`, `"level":"info"`}},
		{"/unencodable", problem.Internal, []string{"encoding the answer"}},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			engine, logs := newEngine(t, httpserver.Options{})
			document := requireProblem(t, serve(engine, get(test.path)), test.code)
			for _, want := range test.logged {
				assert.Contains(t, logs.String(), want)
			}
			assert.Contains(t, logs.String(), `"traceId":"`+document.TraceID+`"`)
		})
	}
}

func TestACallerThatWentAwayIsNoFault(t *testing.T) {
	engine, logs := newEngine(t, httpserver.Options{})
	engine.GET("/gone", func(c *gin.Context) {
		httpserver.Fail(c, fmt.Errorf("reading: %w", c.Request.Context().Err()))
	})
	ctx, leave := context.WithCancel(t.Context())
	leave()
	requireProblem(t, serve(engine, get("/gone").WithContext(ctx)), problem.Unavailable)
	assert.NotContains(t, logs.String(), `"level":"error"`)
}

func TestAPanicAfterTheFirstByteClosesTheConnection(t *testing.T) {
	engine, logs := newEngine(t, httpserver.Options{})
	server := httptest.NewServer(engine)
	defer server.Close()
	response, err := http.Get(server.URL + "/panic-late")
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	_, err = io.ReadAll(response.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "the client must not take the half for the whole")
	assert.Contains(t, logs.String(), "panic in a handler")
}

func TestTheRequestLineNamesOrderRouteAndTrace(t *testing.T) {
	engine, logs := newEngine(t, httpserver.Options{})
	request := get("/v1/orders/order-7")
	request.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	recorder := serve(engine, request)
	assert.Contains(t, recorder.Body.String(), `"traceId":"4bf92f3577b34da6a3ce929d0e0e4736"`)

	var line map[string]any
	require.NoError(t, json.Unmarshal([]byte(logs.String()), &line))
	assert.Equal(t, "request", line["msg"])
	assert.Equal(t, "debug", line["level"])
	assert.Equal(t, "order-7", line["orderId"])
	assert.Equal(t, "/v1/orders/:orderId", line["route"])
	assert.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", line["traceId"])
	assert.EqualValues(t, http.StatusOK, line["status"])
}

func TestTheOrderHeaderIsBelievedOnlyInside(t *testing.T) {
	for _, public := range []bool{false, true} {
		engine, logs := newEngine(t, httpserver.Options{Public: public})
		request := post("/v1/items", "application/json", `{"name":"kettle","quantity":2}`)
		request.Header.Set(telemetry.OrderIDHeader, "order-7")
		serve(engine, request)
		assert.Equal(t, !public, strings.Contains(logs.String(), `"orderId":"order-7"`), "public: %v", public)
	}
	engine, logs := newEngine(t, httpserver.Options{})
	request := get("/panic")
	request.Header.Set(telemetry.OrderIDHeader, strings.Repeat("a", 65))
	serve(engine, request)
	assert.NotContains(t, logs.String(), "orderId")
}

func TestProbesSayHealthReadinessAndMetrics(t *testing.T) {
	engine, _ := newEngine(t, httpserver.Options{
		Faults: faults.Spec{Error: 1},
		Checks: map[string]func(context.Context) error{
			"store":  func(context.Context) error { return nil },
			"consul": func(context.Context) error { return errors.New("not registered yet") },
			"broken": func(context.Context) error { panic("boom") },
		},
	})
	requireProblem(t, serve(engine, get("/v1/orders/order-7")), problem.Unavailable)

	recorder := serve(engine, get("/healthz"))
	assert.Equal(t, http.StatusOK, recorder.Code)
	assert.JSONEq(t, `{"name":"shop","status":"ok"}`, recorder.Body.String())

	recorder = serve(engine, get("/readyz"))
	assert.Equal(t, http.StatusServiceUnavailable, recorder.Code)
	assert.JSONEq(t, `{"name":"shop","status":"unready","checks":{"store":"ok","consul":"not registered yet","broken":"panic: boom"}}`,
		recorder.Body.String())

	recorder = serve(engine, get("/metrics"))
	assert.Equal(t, http.StatusOK, recorder.Code)
	assert.Contains(t, recorder.Body.String(),
		`http_server_request_duration_seconds_count{method="GET",route="/v1/orders/:orderId",status="503"} 1`)
	assert.Contains(t, recorder.Body.String(), "go_goroutines")
}

func TestAHangingCheckIsUnready(t *testing.T) {
	engine, _ := newEngine(t, httpserver.Options{Checks: map[string]func(context.Context) error{
		"store": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	recorder := serve(engine, get("/readyz").WithContext(ctx))
	assert.Equal(t, http.StatusServiceUnavailable, recorder.Code)
}

func TestALostAnswerIsCountedAndNotLoggedAsAFault(t *testing.T) {
	engine, logs := newEngine(t, httpserver.Options{Faults: faults.Spec{Lost: 1}})
	server := httptest.NewServer(engine)
	defer server.Close()
	_, err := http.Get(server.URL + "/v1/orders/order-7")
	require.ErrorIs(t, err, io.EOF)
	assert.NotContains(t, logs.String(), "panic")
	assert.Contains(t, serve(engine, get("/metrics")).Body.String(), `route="/v1/orders/:orderId",status="0"} 1`)
}

func TestAPanicWhoseAnswerShouldBeLostIsAnswered(t *testing.T) {
	engine, _ := newEngine(t, httpserver.Options{Faults: faults.Spec{Lost: 1}})
	requireProblem(t, serve(engine, get("/panic")), problem.Internal)
}

func TestTwoEnginesShareARegistry(t *testing.T) {
	tel := telemetry.Discard()
	for range 2 {
		engine := httpserver.NewEngine(httpserver.Options{Name: "shop", Telemetry: tel})
		serve(engine, get("/nowhere"))
	}
	engine := httpserver.NewEngine(httpserver.Options{Name: "shop", Telemetry: tel})
	assert.Contains(t, serve(engine, get("/metrics")).Body.String(), `route="",status="404"} 2`)
}

func BenchmarkARequestOnItsWayThroughTheEngine(b *testing.B) {
	engine := httpserver.NewEngine(httpserver.Options{Name: "shop"})
	engine.GET("/v1/orders/:orderId", func(c *gin.Context) { httpserver.Respond(c, http.StatusOK, item{Name: "kettle"}) })
	request := get("/v1/orders/order-7")
	b.ReportAllocs()
	for b.Loop() {
		engine.ServeHTTP(httptest.NewRecorder(), request)
	}
}
