package httpserver_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/httpserver"
)

// patience is short, but the limit on a whole answer is one on the handshake of
// TLS as well: that one gets ten times as long.
const patience = 50 * time.Millisecond

// encrypted makes the listener speak TLS with a certificate for 127.0.0.1, and
// returns a client that trusts it.
func encrypted(t *testing.T, listener net.Listener) (net.Listener, *http.Client) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return tls.NewListener(listener, &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		NextProtos:   []string{"h2", "http/1.1"},
	}), &http.Client{Transport: transport}
}

// requireHungUp waits until the server closes the connection, and returns what
// it sent before.
func requireHungUp(t *testing.T, connection net.Conn) string {
	t.Helper()
	require.NoError(t, connection.SetReadDeadline(time.Now().Add(10*time.Second)))
	sent, err := io.ReadAll(connection)
	if err != nil {
		assert.NotErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "reset")
	}
	return string(sent)
}

func TestASlowHeaderDoesNotHoldAConnection(t *testing.T) {
	for name, test := range map[string]struct {
		tls    bool
		sent   string
		answer string
	}{
		"silence":             {false, "", ""},
		"half a request line": {false, "GET / HT", "HTTP/1.1 408 Request Timeout\r\nContent-Type: application/problem+json\r\n"},
		"half a header":       {false, "GET / HTTP/1.1\r\nHost: x\r\n", ""},
		"half a field":        {false, "GET / HTTP/1.1\r\nHost: x\r\nX-A", "HTTP/1.1 408 Request Timeout\r\nContent-Type: application/problem+json\r\n"},
		"no TLS handshake":    {true, "", ""},
		"half a TLS record":   {true, "\x16\x03\x01\x02", ""},
	} {
		t.Run(name, func(t *testing.T) {
			listener := listen(t)
			if test.tls {
				listener, _ = encrypted(t, listener)
			}
			server := httpserver.Serve(t.Context(), listener, http.NotFoundHandler(), httpserver.WithReadHeaderTimeout(patience))
			connection, err := net.Dial("tcp", server.Addr().String())
			require.NoError(t, err)
			defer func() { _ = connection.Close() }()
			_, err = io.WriteString(connection, test.sent)
			require.NoError(t, err)
			answer := requireHungUp(t, connection)
			assert.True(t, strings.HasPrefix(answer, test.answer), answer)
			assert.Equal(t, test.answer == "", answer == "", answer)
			require.NoError(t, server.Shutdown(context.Background()))
		})
	}
}

// endless is an answer that no buffer on the way holds.
func endless(ended chan<- error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		piece := []byte(strings.Repeat("x", 1<<20))
		for {
			if _, err := w.Write(piece); err != nil {
				ended <- err
				return
			}
		}
	}
}

func TestASlowReaderDoesNotHoldAHandler(t *testing.T) {
	t.Run("HTTP/1.1", func(t *testing.T) {
		ended := make(chan error, 1)
		server := httpserver.Serve(t.Context(), listen(t), endless(ended), httpserver.WithWriteTimeout(patience))
		connection, err := net.Dial("tcp", server.Addr().String())
		require.NoError(t, err)
		defer func() { _ = connection.Close() }()
		_, err = io.WriteString(connection, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		require.NoError(t, err)
		require.Error(t, <-ended)
		require.NoError(t, server.Shutdown(context.Background()))
	})
	t.Run("HTTP/2", func(t *testing.T) {
		ended := make(chan error, 1)
		listener, client := encrypted(t, listen(t))
		server := httpserver.Serve(t.Context(), listener, endless(ended), httpserver.WithWriteTimeout(10*patience))
		response, err := client.Get("https://" + server.Addr().String())
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		require.Equal(t, 2, response.ProtoMajor)
		require.Error(t, <-ended)
		require.NoError(t, server.Shutdown(context.Background()))
	})
}

// A stream lasts longer than the server gives an answer, and is silent for
// longer than it gives a piece.
func TestAStreamOutlastsTheTimeOfAnAnswer(t *testing.T) {
	stream := func(w http.ResponseWriter, r *http.Request) {
		writer := httpserver.NewStreamWriter(w, patience)
		defer writer.Close()
		for range 3 {
			if _, err := writer.Write([]byte("piece\n")); err != nil {
				return
			}
			select {
			case <-time.After(5 * patience):
			case <-r.Context().Done():
				return
			}
		}
	}
	for _, base := range []string{"http://", "https://"} {
		listener, client := listen(t), http.DefaultClient
		if base == "https://" {
			listener, client = encrypted(t, listener)
		}
		server := httpserver.Serve(t.Context(), listener, http.HandlerFunc(stream), httpserver.WithWriteTimeout(10*patience))
		response, err := client.Get(base + server.Addr().String())
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err, base)
		require.NoError(t, response.Body.Close())
		assert.Equal(t, "piece\npiece\npiece\n", string(body), base)
		client.CloseIdleConnections()
		require.NoError(t, server.Shutdown(context.Background()))
	}
}

func TestAStreamEndsForAClientThatDoesNotRead(t *testing.T) {
	ended := make(chan error, 1)
	engine, _ := newEngine(t, httpserver.Options{})
	engine.GET("/stream", func(c *gin.Context) {
		writer := httpserver.NewStreamWriter(c.Writer, patience)
		defer writer.Close()
		piece := []byte(strings.Repeat("x", 1<<20))
		for {
			if _, err := writer.Write(piece); err != nil {
				ended <- err
				return
			}
		}
	})
	server := httpserver.Serve(t.Context(), listen(t), engine)
	connection, err := net.Dial("tcp", server.Addr().String())
	require.NoError(t, err)
	defer func() { _ = connection.Close() }()
	_, err = io.WriteString(connection, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	require.ErrorContains(t, <-ended, "sending a part of the answer")
	require.NoError(t, server.Shutdown(context.Background()))
}
