package httpserver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
)

// Whatever never reaches a handler is refused in the form of everything else.
func TestWhatCannotBeParsedIsAnsweredWithAProblem(t *testing.T) {
	engine, _ := newEngine(t, httpserver.Options{})
	server := httpserver.Serve(t.Context(), listen(t), engine)
	defer func() { assert.NoError(t, server.Shutdown(context.Background())) }()

	malformed, blank := problem.Malformed.Type(), "about:blank"
	for name, test := range map[string]struct {
		request string
		status  int
		kind    string
		detail  string
	}{
		"impossible path":          {"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, malformed, "this is no valid HTTP request"},
		"no HTTP at all":           {"hello\r\n\r\n", 400, malformed, "this is no valid HTTP request"},
		"control character":        {"GET / HTTP/1.1\r\nHost: x\r\nX-A: a\x01b\r\n\r\n", 400, malformed, "this is no valid HTTP request"},
		"space in a header's name": {"GET / HTTP/1.1\r\nHost: x\r\nX A: b\r\n\r\n", 400, malformed, "invalid header name"},
		"no host":                  {"GET / HTTP/1.1\r\n\r\n", 400, malformed, "missing required Host header"},
		"two hosts":                {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400, malformed, "this is no valid HTTP request"},
		"two lengths":              {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, malformed, "this is no valid HTTP request"},
		"headers of 200 KiB":       {"GET / HTTP/1.1\r\nHost: x\r\nX-Huge: " + strings.Repeat("a", 200<<10) + "\r\n\r\n", 431, problem.HeadersTooLarge.Type(), "the headers are larger than 32768 bytes"},
		"path of 200 KiB":          {"GET /" + strings.Repeat("a", 200<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", 431, problem.HeadersTooLarge.Type(), "the headers are larger than 32768 bytes"},
		"unknown transfer coding":  {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: br\r\n\r\n", 501, blank, "Unsupported transfer encoding"},
		"unknown version":          {"GET / HTTP/3.7\r\nHost: x\r\n\r\n", 505, blank, "unsupported protocol version"},
	} {
		t.Run(name, func(t *testing.T) {
			response, body := exchange(t, server.Addr(), test.request)
			assert.Equal(t, test.status, response.StatusCode)
			assert.Equal(t, problem.MediaType, response.Header.Get("Content-Type"))
			assert.True(t, response.Close)
			var document problem.Document
			require.NoError(t, json.Unmarshal([]byte(body), &document), body)
			assert.Equal(t, test.kind, document.Type)
			assert.Equal(t, test.status, document.Status)
			assert.Equal(t, test.detail, document.Detail)
			assert.NotEmpty(t, document.Title)
		})
	}
}

func TestTheWholeServerIsNoPath(t *testing.T) {
	engine, _ := newEngine(t, httpserver.Options{})
	server := httpserver.Serve(t.Context(), listen(t), engine)
	defer func() { assert.NoError(t, server.Shutdown(context.Background())) }()
	response, body := exchange(t, server.Addr(), "OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	assert.Equal(t, http.StatusNotFound, response.StatusCode)
	assert.Contains(t, body, problem.NoRoute.Type())
}

// A handler's own answer is left alone, however much it looks like a refusal.
func TestAHandlersPlainTextIsNoRefusal(t *testing.T) {
	engine, _ := newEngine(t, httpserver.Options{})
	const text = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"
	engine.GET("/plain", func(c *gin.Context) {
		c.Header("Connection", "close")
		c.String(http.StatusBadRequest, text)
	})
	server := httpserver.Serve(t.Context(), listen(t), engine)
	defer func() { assert.NoError(t, server.Shutdown(context.Background())) }()
	response, body := exchange(t, server.Addr(), "GET /plain HTTP/1.1\r\nHost: x\r\n\r\n")
	assert.Equal(t, "text/plain; charset=utf-8", response.Header.Get("Content-Type"))
	assert.Equal(t, text, body)
}

func TestARouteMayHaveABodyLimitOfItsOwn(t *testing.T) {
	engine, _ := newEngine(t, httpserver.Options{BodyLimit: 32, BodyLimits: map[string]int64{"/v1/large/:id": 128}})
	bind := func(c *gin.Context) {
		var got item
		if err := httpserver.Bind(c, &got); err != nil {
			httpserver.Fail(c, err)
			return
		}
		httpserver.Respond(c, http.StatusOK, got)
	}
	engine.POST("/v1/large/:id", bind)
	body := func(length int) string {
		return fmt.Sprintf(`{"quantity":1,"name":"%s"}`, strings.Repeat("x", length-len(`{"quantity":1,"name":""}`)))
	}
	for path, limit := range map[string]int{"/v1/items": 32, "/v1/large/7": 128} {
		assert.Less(t, serve(engine, post(path, "application/json", body(limit))).Code, 300, path)
		assert.Equal(t, http.StatusRequestEntityTooLarge, serve(engine, post(path, "application/json", body(limit+1))).Code, path)
		streamed := post(path, "application/json", body(limit+1))
		streamed.ContentLength = -1
		assert.Equal(t, http.StatusRequestEntityTooLarge, serve(engine, streamed).Code, path)
	}
}
