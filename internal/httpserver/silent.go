package httpserver

import (
	"net"
	"net/http"
	"sync"
)

// silentConns are the connections on which no request has come yet: net/http
// calls them new. Clients open such ones in advance (browsers, the checks of a
// proxy, Go's own transport when an older connection comes free first).
//
// Shutdown of net/http takes them for requests that are being sent, and waits
// for up to five seconds; a process that has nothing to do would be as slow to
// end. The wait is for nothing: what comes after the shutdown has begun is read,
// but not answered.
type silentConns struct {
	mu       sync.Mutex
	conns    map[net.Conn]struct{}
	draining bool
}

// follow is an http.Server's ConnState.
func (s *silentConns) follow(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(s.conns, conn)
	case s.draining: // accepted just before
		_ = conn.Close()
	case s.conns == nil:
		s.conns = map[net.Conn]struct{}{conn: {}}
	default:
		s.conns[conn] = struct{}{}
	}
}

// close closes them, and those that still come. It runs when the shutdown has
// begun.
func (s *silentConns) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	for conn := range s.conns {
		_ = conn.Close() // whoever has opened it has nothing to lose
	}
}
