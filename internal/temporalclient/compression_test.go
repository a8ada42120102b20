package temporalclient_test

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
)

// compressions are those of the calls that a server has received.
type compressions struct {
	mu   sync.Mutex
	seen []string
}

func (c *compressions) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (c *compressions) HandleRPC(_ context.Context, event stats.RPCStats) {
	if header, ok := event.(*stats.InHeader); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.seen = append(c.seen, header.Compression)
	}
}

func (c *compressions) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (c *compressions) HandleConn(context.Context, stats.ConnStats) {}

func TestCallsAreNotCompressed(t *testing.T) {
	var received compressions
	server := grpc.NewServer(grpc.StatsHandler(&received), grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error {
		return status.Error(codes.Unimplemented, "this server has nothing")
	}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		server.Stop()
		require.NoError(t, <-served)
	}()

	lazy, err := temporalclient.DialLazy(temporalclient.Config{Addr: listener.Addr().String(), Namespace: "default"}, telemetry.Discard())
	require.NoError(t, err)
	defer lazy.Close()
	require.Error(t, temporalclient.Check(t.Context(), lazy, "default"))
	received.mu.Lock()
	defer received.mu.Unlock()
	require.NotEmpty(t, received.seen)
	for _, compression := range received.seen {
		assert.Empty(t, compression)
	}
}
