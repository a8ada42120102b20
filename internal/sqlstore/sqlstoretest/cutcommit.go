package sqlstoretest

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

// Cut says which message is lost when a connection breaks during a commit.
// The client cannot tell one from the other.
type Cut int

const (
	// CommitLost loses the client's COMMIT: the server rolls back.
	CommitLost Cut = iota
	// AnswerLost loses the server's answer to it: the server has committed.
	AnswerLost
)

// CutCommit returns a DSN that leads to the PostgreSQL database of the given
// DSN through a proxy, and a function that makes the proxy break the next
// connection that commits. It does so once for each call.
func CutCommit(t testing.TB, dsn string, cut Cut) (proxied string, arm func()) {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	proxy := &commitProxy{cut: cut}
	proxy.network, proxy.address = pgconn.NetworkAddress(config.Host, config.Port)
	proxy.running.Go(func() { proxy.accept(listener) })
	t.Cleanup(func() {
		require.NoError(t, listener.Close())
		proxy.running.Wait()
	})
	return through(t, dsn, listener.Addr()), func() { proxy.armed.Store(true) }
}

// through is the DSN with another address.
func through(t testing.TB, dsn string, addr net.Addr) string {
	t.Helper()
	target, err := url.Parse(dsn)
	require.NoError(t, err)
	tcp, ok := addr.(*net.TCPAddr)
	require.True(t, ok)
	target.Host = net.JoinHostPort(tcp.IP.String(), strconv.Itoa(tcp.Port))
	parameters := target.Query()
	parameters.Del("host")
	parameters.Del("port")
	parameters.Set("sslmode", "disable") // the proxy reads what passes
	target.RawQuery = parameters.Encode()
	return target.String()
}

type commitProxy struct {
	network, address string
	cut              Cut
	armed            atomic.Bool
	running          sync.WaitGroup
}

// accept serves until the listener is closed, and then until every client has
// gone.
func (p *commitProxy) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := new(net.Dialer).DialContext(context.Background(), p.network, p.address)
		if err != nil {
			_ = client.Close()
			continue
		}
		link := &link{client: client, server: server}
		p.running.Go(func() { p.forward(link) })
		p.running.Go(func() { p.backward(link) })
	}
}

// link is one connection through the proxy.
type link struct {
	client, server net.Conn
	// swallowing drops what the server says, up to its answer to COMMIT.
	swallowing atomic.Bool
}

func (l *link) close() { _ = errors.Join(l.client.Close(), l.server.Close()) }

// Each message that matters here is small and comes in one piece.
func (p *commitProxy) forward(l *link) {
	defer l.close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := l.client.Read(buffer)
		if err != nil {
			return
		}
		if bytes.Contains(buffer[:n], []byte("commit\x00")) && p.armed.CompareAndSwap(true, false) {
			if p.cut == CommitLost {
				return
			}
			l.swallowing.Store(true)
		}
		if _, err := l.server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (p *commitProxy) backward(l *link) {
	defer l.close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(buffer)
		if err != nil {
			return
		}
		if l.swallowing.Load() {
			if bytes.Contains(buffer[:n], []byte("COMMIT\x00")) {
				return
			}
			continue
		}
		if _, err := l.client.Write(buffer[:n]); err != nil {
			return
		}
	}
}
