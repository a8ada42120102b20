package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/internal/token"
)

// answersOn sends bytes to the gateway and returns the answers to them, as many
// as come until the gateway closes the connection, or says no more.
func answersOn(t *testing.T, base, sent string) (answers []*http.Response, bodies []string) {
	t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	require.NoError(t, err)
	defer func() { _ = connection.Close() }()
	require.NoError(t, connection.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = io.WriteString(connection, sent)
	require.NoError(t, err)
	// Whatever follows the requests is over, so that the gateway closes too.
	tcp, ok := connection.(*net.TCPConn)
	require.True(t, ok)
	require.NoError(t, tcp.CloseWrite())
	reader := bufio.NewReader(connection)
	for {
		if _, err := reader.Peek(1); err != nil {
			return answers, bodies
		}
		answer, err := http.ReadResponse(reader, nil)
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		answers, bodies = append(answers, answer), append(bodies, string(body))
	}
}

// What a client writes to the whole gateway to be somebody else, to be somewhere
// else, or to have a second request read into its first, gets nowhere.
func TestTricksOnTheWireGetNowhere(t *testing.T) {
	keysDir := filepath.Join(t.TempDir(), "keys")
	base := servePlain(t, map[string]string{
		"ORDERFLOW_KEYS_DIR": keysDir, "ORDERFLOW_TEMPORAL_ADDR": "127.0.0.1:1", "ORDERFLOW_CONSUL_ADDR": "127.0.0.1:1",
	})
	keys, _, err := token.OpenKeys(keysDir)
	require.NoError(t, err)
	ada, err := keys.Issue("cust-ada", "orders:read orders:write", time.Hour, time.Now())
	require.NoError(t, err)
	parts := strings.Split(ada, ".")
	encode := base64.RawURLEncoding.EncodeToString
	request := func(line string, header ...string) string {
		return line + " HTTP/1.1\r\nHost: shop.example\r\n" + strings.Join(append(header, "", ""), "\r\n")
	}
	authorized := "Authorization: Bearer " + ada
	second := request("PUT /v1/products/prod-cup", "Content-Length: 0")

	for name, test := range map[string]struct {
		sent   string
		status int
	}{
		"a token without a signature":      {request("GET /v1/orders/x", "Authorization: Bearer "+parts[0]+"."+parts[1]+"."), 401},
		"a token that says alg none":       {request("GET /v1/orders/x", "Authorization: Bearer "+encode([]byte(`{"alg":"none"}`))+"."+parts[1]+"."), 401},
		"an edited token":                  {request("GET /v1/orders/x", "Authorization: Bearer "+parts[0]+"."+encode([]byte(`{"sub":"root","scope":"admin"}`))+"."+parts[2]), 401},
		"two tokens":                       {request("GET /v1/orders/x", authorized, authorized), 401},
		"a name with a space":              {request("GET /v1/orders/x", "Authorization : Bearer "+ada), 400},
		"Connection names the token":       {request("GET /v1/orders/x", authorized, "Connection: Authorization"), 404},
		"Connection names an identity":     {request("PUT /v1/products/p", authorized, "X-Scopes: admin", "Connection: X-Scopes", "Content-Length: 0"), 403},
		"another method in a header":       {request("GET /v1/orders/x", authorized, "X-HTTP-Method-Override: PUT"), 404},
		"another path in a header":         {request("GET /v1/orders/x", authorized, "X-Original-URL: /healthz", "X-Rewrite-URL: /healthz"), 404},
		"TRACE":                            {request("TRACE /v1/orders", authorized), 405},
		"a method that is none":            {request("STEAL /v1/orders", authorized), 405},
		"CONNECT":                          {request("CONNECT 127.0.0.1:8500", authorized), 404},
		"a whole address":                  {request("GET http://127.0.0.1:8500/v1/agent/self", authorized), 404},
		"dots":                             {request("GET /v1/orders/../../healthz", authorized), 404},
		"encoded dots":                     {request("GET /v1/orders/%2e%2e/%2e%2e/healthz", authorized), 404},
		"an encoded slash":                 {request("GET /v1/orders%2fx", authorized), 404},
		"two slashes":                      {request("GET //v1/orders/x", authorized), 404},
		"headers of 64 KiB":                {request("GET /v1/orders/x", authorized, "X-Padding: "+strings.Repeat("x", 64<<10)), 431},
		"two lengths":                      {request("POST /v1/orders", authorized, "Content-Length: 0", "Content-Length: 60") + second, 400},
		"a length with a sign":             {request("POST /v1/orders", authorized, "Content-Length: +5") + second, 400},
		"an unknown coding":                {request("POST /v1/orders", authorized, "Transfer-Encoding: xchunked") + second, 501},
		"two codings":                      {request("POST /v1/orders", authorized, "Transfer-Encoding: chunked, identity") + second, 501},
		"a coding behind a vertical tab":   {request("POST /v1/orders", authorized, "Transfer-Encoding: \vchunked") + second, 400},
		"a coding on a second line":        {request("POST /v1/orders", authorized, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + second, 501},
		"a chunk that is longer than said": {request("POST /v1/orders", authorized, "Content-Type: application/json", "Transfer-Encoding: chunked") + "1\r\n{}\r\n0\r\n\r\n" + second, 400},
	} {
		t.Run(name, func(t *testing.T) {
			answers, bodies := answersOn(t, base, test.sent)
			require.Len(t, answers, 1, "one request, one answer: %v", bodies)
			assert.Equal(t, test.status, answers[0].StatusCode, bodies[0])
			assert.Equal(t, problem.MediaType, answers[0].Header.Get("Content-Type"))
			var document problem.Document
			require.NoError(t, json.Unmarshal([]byte(bodies[0]), &document))
			assert.Equal(t, test.status, document.Status)
			assert.NotContains(t, bodies[0], "127.0.0.1")
		})
	}

	// Where length and coding contradict each other, the coding counts (RFC 9112,
	// section 6.1). What follows may be what a proxy took for the body: it gets no
	// identity from the first request.
	answers, bodies := answersOn(t, base, request("POST /v1/orders", authorized, "Content-Type: application/json",
		fmt.Sprintf("Content-Length: %d", 5+len(second)), "Transfer-Encoding: chunked")+"0\r\n\r\n"+second)
	require.Len(t, answers, 2, bodies)
	assert.Equal(t, http.StatusBadRequest, answers[0].StatusCode, bodies[0])
	assert.Equal(t, http.StatusUnauthorized, answers[1].StatusCode, bodies[1])
}
