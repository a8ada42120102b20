package httpserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"
)

// The server's limits on connections: nobody holds one by being slow.
const (
	// readHeaderTimeout includes the handshake of TLS.
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 20 * time.Second
	// writeTimeout is from a request's header to the end of its answer: far
	// above what the longest one takes, a placement that is waited for. Streams
	// bound each piece instead, see StreamWriter.
	writeTimeout = 2 * time.Minute
	idleTimeout  = 2 * time.Minute
	// pingAfter and stallTimeout find the peers of HTTP/2 that are gone, or take
	// nothing of what is sent.
	pingAfter    = 30 * time.Second
	stallTimeout = 30 * time.Second
	// Far above MaxHeaderBytes: net/http hangs up on what is above this, and the
	// engine refuses what is between as it refuses everything else.
	serverHeaderBytes = 128 << 10
)

// Listen opens a TCP port for Serve. It is apart from Serve so that a port
// that cannot be had stops the process before anything else has begun. The
// error is one line.
func Listen(addr string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", addr)
	if err == nil {
		return listener, nil
	}
	reason := err
	var number syscall.Errno
	if errors.As(err, &number) {
		reason = number
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("cannot listen at %s: another process has the port: %w", addr, reason)
	}
	return nil, fmt.Errorf("cannot listen at %s: %w", addr, reason)
}

// Server serves one listener. Make it with Serve.
type Server struct {
	http     http.Server
	addr     net.Addr
	draining chan struct{}
	drain    func()
	done     chan struct{}
	err      error // set before done is closed
	silent   silentConns
}

// ServerOption changes how Serve serves.
type ServerOption func(*Server)

// WithErrorLog sends what net/http has to say, such as failed TLS handshakes,
// to the log as warnings. Without it nothing is said.
func WithErrorLog(log *zap.Logger) ServerOption {
	return func(s *Server) {
		if std, err := zap.NewStdLogAt(log, zap.WarnLevel); err == nil {
			s.http.ErrorLog = std
		}
	}
}

// WithReadTimeout bounds the time from a request's first byte to the last one
// of its body, instead of 20 seconds.
func WithReadTimeout(d time.Duration) ServerOption {
	return func(s *Server) { s.http.ReadTimeout = d }
}

// WithWriteTimeout bounds the time from a request's header to the end of its
// answer, instead of two minutes. Answers by a StreamWriter bound themselves.
func WithWriteTimeout(d time.Duration) ServerOption {
	return func(s *Server) { s.http.WriteTimeout = d }
}

// WithReadHeaderTimeout bounds the time for a request's header, and for the
// handshake of TLS, instead of five seconds.
func WithReadHeaderTimeout(d time.Duration) ServerOption {
	return func(s *Server) { s.http.ReadHeaderTimeout = d }
}

type drainingKey struct{}

// Draining returns a channel that is closed when the server of the request
// with this context begins to drain. Handlers of endless answers end then;
// others need not care. It is nil, and so never ready, outside a Server.
func Draining(ctx context.Context) <-chan struct{} {
	draining, _ := ctx.Value(drainingKey{}).(chan struct{})
	return draining
}

// Serve begins to serve in the background and returns at once. Requests get
// ctx's values but not its end: they are finished after a signal, not cut off.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, options ...ServerOption) *Server {
	draining := make(chan struct{})
	base := context.WithValue(context.WithoutCancel(ctx), drainingKey{}, draining)
	s := &Server{
		http: http.Server{
			Handler:           handler,
			ReadHeaderTimeout: readHeaderTimeout,
			ReadTimeout:       readTimeout,
			WriteTimeout:      writeTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    serverHeaderBytes,
			HTTP2:             &http.HTTP2Config{SendPingTimeout: pingAfter, WriteByteTimeout: stallTimeout},
			// The engine answers OPTIONS * as every other request.
			DisableGeneralOptionsHandler: true,

			BaseContext: func(net.Listener) context.Context { return base },
			ErrorLog:    zap.NewStdLog(zap.NewNop()),
		},
		addr:     listener.Addr(),
		draining: draining,
		drain:    sync.OnceFunc(func() { close(draining) }),
		done:     make(chan struct{}),
	}
	for _, option := range options {
		option(s)
	}
	s.http.ConnState = s.silent.follow
	s.http.RegisterOnShutdown(s.silent.close)
	go func() {
		defer close(s.done)
		if err := s.http.Serve(refusalListener{listener}); !errors.Is(err, http.ErrServerClosed) {
			s.err = fmt.Errorf("serving %s: %w", s.addr, err)
		}
	}()
	return s
}

// Addr is the address that is served.
func (s *Server) Addr() net.Addr { return s.addr }

// Done is closed when the server has stopped to accept connections, because of
// Shutdown or because of a failure, which Err tells.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err returns why the server stopped by itself; nil while it serves, and after
// Shutdown.
func (s *Server) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Shutdown stops accepting, lets the requests in flight finish and closes the
// connections without one. Those that are not finished at the end of ctx are cut
// off, and that is an error. A second call does nothing.
func (s *Server) Shutdown(ctx context.Context) error {
	s.drain()
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("draining %s: %w", s.addr, err), s.http.Close())
	}
	<-s.done
	return err
}
