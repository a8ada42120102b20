package rpc

import (
	"errors"
	"net"
	"net/http"
	"time"
)

const (
	// dialTimeout is well below the attempt's timeout, so that an instance
	// whose machine is gone is told from one that is slow.
	dialTimeout = 2 * time.Second
	// idleTimeout is shorter than the servers', so that they rarely close a
	// connection that is just being used again.
	idleTimeout = 30 * time.Second
	// headerLimit bounds the headers of an answer, in bytes.
	headerLimit = 64 << 10
)

// newTransport returns a transport for many connections to few hosts. It keeps
// as many idle connections to an instance as calls may be under way, so that a
// burst does not end in connections that are closed and opened again.
func newTransport(maxConcurrent int) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: 15 * time.Second}
	return &http.Transport{
		// No proxy: the services of one system reach each other directly.
		Proxy:                  nil,
		DialContext:            dialer.DialContext,
		MaxIdleConns:           0, // unlimited; the next line bounds it per instance
		MaxIdleConnsPerHost:    max(maxConcurrent, 2),
		IdleConnTimeout:        idleTimeout,
		DisableCompression:     true,
		MaxResponseHeaderBytes: headerLimit,
	}
}

// newHTTPClient follows no redirect: no service of this product sends one.
func newHTTPClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// notSent reports whether the error means that no connection could be made, so
// that nothing was sent. A reset of a kept connection before the first byte
// ends here too: the transport then dials anew before it gives up.
func notSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}
