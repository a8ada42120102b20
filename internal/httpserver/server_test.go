package httpserver_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := httpserver.Listen("127.0.0.1:0")
	require.NoError(t, err)
	return listener
}

func TestATakenPortIsOneClearLine(t *testing.T) {
	taken := listen(t)
	defer func() { _ = taken.Close() }()
	_, err := httpserver.Listen(taken.Addr().String())
	require.Error(t, err)
	assert.Equal(t, "cannot listen at "+taken.Addr().String()+": another process has the port: address already in use", err.Error())

	_, err = httpserver.Listen("203.0.113.1:1")
	require.ErrorContains(t, err, "cannot listen at 203.0.113.1:1: ")
	assert.NotContains(t, err.Error(), "\n")
}

func TestShutdownFinishesWhatIsInFlight(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	server := httpserver.Serve(ctx, listen(t), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		<-httpserver.Draining(r.Context())
		<-release
		if r.Context().Err() != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, "finished")
	}))
	answers := make(chan string, 1)
	go func() {
		response, err := http.Get("http://" + server.Addr().String())
		if err != nil {
			answers <- err.Error()
			return
		}
		defer func() { _ = response.Body.Close() }()
		body, _ := io.ReadAll(response.Body)
		answers <- fmt.Sprint(response.StatusCode, " ", string(body))
	}()
	<-begun
	cancel() // a signal ends the process's context, not the request's
	stopped := make(chan error, 1)
	go func() { stopped <- server.Shutdown(context.Background()) }()
	<-server.Done()
	require.NoError(t, server.Err())
	close(release)

	require.NoError(t, <-stopped)
	assert.Equal(t, "200 finished", <-answers)
	require.NoError(t, server.Shutdown(context.Background()), "a second call does nothing")
	_, err := net.Dial("tcp", server.Addr().String())
	require.Error(t, err)
}

func TestShutdownCutsOffWhatOutlastsTheDeadline(t *testing.T) {
	begun := make(chan struct{})
	server := httpserver.Serve(t.Context(), listen(t), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	}))
	failed := make(chan error, 1)
	go func() {
		response, err := http.Get("http://" + server.Addr().String())
		if err == nil {
			_ = response.Body.Close()
		}
		failed <- err
	}()
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, server.Shutdown(ctx), context.Canceled)
	require.Error(t, <-failed)
}

// A connection that was opened in advance is not worth five seconds.
func TestShutdownDoesNotWaitForConnectionsWithoutARequest(t *testing.T) {
	server := httpserver.Serve(t.Context(), listen(t), http.NotFoundHandler())
	silent, err := net.Dial("tcp", server.Addr().String())
	require.NoError(t, err)
	defer func() { _ = silent.Close() }()
	// A request on a later connection: the server has accepted the silent one.
	response, err := http.Get("http://" + server.Addr().String())
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())

	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.NoError(t, server.Shutdown(ctx))
	_, err = silent.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF, "it is told that nobody is there")
}

func TestABrokenListenerIsReported(t *testing.T) {
	listener := listen(t)
	server := httpserver.Serve(t.Context(), listener, http.NotFoundHandler())
	require.NoError(t, server.Err())
	require.NoError(t, listener.Close())
	<-server.Done()
	require.ErrorContains(t, server.Err(), "serving 127.0.0.1:")
	require.NoError(t, server.Shutdown(t.Context()))
}

// exchange sends raw text and returns the answer, as slow or huge requests
// need. The connection stays open for writing.
func exchange(t *testing.T, addr net.Addr, request string) (*http.Response, string) {
	t.Helper()
	connection, err := net.Dial("tcp", addr.String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	_, err = io.WriteString(connection, request)
	require.NoError(t, err)
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

func TestASlowBodyIsAnsweredWithRequestTimeout(t *testing.T) {
	engine, _ := newEngine(t, httpserver.Options{})
	server := httpserver.Serve(t.Context(), listen(t), engine, httpserver.WithReadTimeout(50*time.Millisecond))
	defer func() { assert.NoError(t, server.Shutdown(context.Background())) }()

	response, body := exchange(t, server.Addr(),
		"POST /v1/items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"name\":")
	assert.Equal(t, http.StatusRequestTimeout, response.StatusCode)
	assert.Equal(t, problem.MediaType, response.Header.Get("Content-Type"))
	assert.Contains(t, body, problem.RequestTimeout.Type())
}

func TestTheReadTimeoutDoesNotEndALongAnswer(t *testing.T) {
	const readTimeout = 30 * time.Millisecond
	engine, _ := newEngine(t, httpserver.Options{})
	engine.POST("/long", func(c *gin.Context) {
		var got item
		if err := httpserver.Bind(c, &got); err != nil {
			httpserver.Fail(c, err)
			return
		}
		select {
		case <-c.Request.Context().Done():
			httpserver.Fail(c, c.Request.Context().Err())
		case <-time.After(4 * readTimeout):
			httpserver.Respond(c, http.StatusOK, got)
		}
	})
	server := httpserver.Serve(t.Context(), listen(t), engine, httpserver.WithReadTimeout(readTimeout))
	defer func() { assert.NoError(t, server.Shutdown(context.Background())) }()

	response, err := http.Post("http://"+server.Addr().String()+"/long", "application/json", strings.NewReader(`{"quantity":1}`))
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	assert.Equal(t, http.StatusOK, response.StatusCode)
	http.DefaultClient.CloseIdleConnections()
}

func TestHeadersOf64KiBAreAnsweredWithAProblem(t *testing.T) {
	engine, _ := newEngine(t, httpserver.Options{})
	server := httpserver.Serve(t.Context(), listen(t), engine)
	defer func() { assert.NoError(t, server.Shutdown(context.Background())) }()

	response, _ := exchange(t, server.Addr(),
		"GET /v1/orders/order-7 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Huge: "+strings.Repeat("a", 64<<10)+"\r\n\r\n")
	assert.Equal(t, http.StatusRequestHeaderFieldsTooLarge, response.StatusCode)
	assert.Equal(t, problem.MediaType, response.Header.Get("Content-Type"))

	response, _ = exchange(t, server.Addr(),
		"GET /v1/orders/order-7 HTTP/1.1\r\nHost: x\r\nX-Huge: "+strings.Repeat("a", 200<<10)+"\r\n\r\n")
	assert.Equal(t, http.StatusRequestHeaderFieldsTooLarge, response.StatusCode)
}
