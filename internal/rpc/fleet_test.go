package rpc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"

	"orderflow/internal/discovery"
)

// behaviour is how an instance answers: a status, or the error of an exchange
// that came to no end.
type behaviour func(ctx context.Context) (status int, err error)

func answering(status int) behaviour {
	return func(context.Context) (int, error) { return status, nil }
}

// answeringAfter is slow, and gives up with its caller.
func answeringAfter(d time.Duration, status int) behaviour {
	return func(ctx context.Context) (int, error) {
		select {
		case <-time.After(d):
			return status, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func hanging(ctx context.Context) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// fleet is the instances of a service in memory, so that a test in a bubble can
// call them.
type fleet struct {
	mu         sync.Mutex
	behaviours map[string]behaviour // by address
	called     map[string]int
}

func newFleet(behaviours map[string]behaviour) *fleet {
	return &fleet{behaviours: behaviours, called: make(map[string]int)}
}

func (f *fleet) become(addr string, b behaviour) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.behaviours[addr] = b
}

// calls is how often the instance was called.
func (f *fleet) calls(addr string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.called[addr]
}

// RoundTrip implements http.RoundTripper.
func (f *fleet) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	answer := f.behaviours[r.URL.Host]
	f.called[r.URL.Host]++
	f.mu.Unlock()
	if answer == nil {
		return nil, errors.New("connection refused")
	}
	status, err := answer(r.Context())
	if err != nil {
		return nil, err
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(nil)), Request: r,
	}, nil
}

// newFleetClient returns a client whose resolver follows the calls. Call it
// inside the bubble.
func newFleetClient(t *testing.T, cfg Config, f *fleet) *Client {
	t.Helper()
	return newBalancedFleetClient(t, cfg, discovery.Balance{}, f)
}

func newBalancedFleetClient(t *testing.T, cfg Config, balance discovery.Balance, f *fleet) *Client {
	t.Helper()
	addrs := slices.Collect(maps.Keys(f.behaviours))
	resolver, err := discovery.NewFixed(discovery.Addresses{"payment": addrs}, zaptest.NewLogger(t), discovery.WithBalance(balance))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, resolver.Close()) })
	c := closing(t, NewClient("payment", resolver, cfg, nil))
	c.http = newHTTPClient(f)
	return c
}

// instance is what the client's process knows of one.
func instanceOf(t *testing.T, c *Client, addr string) discovery.InstanceStatus {
	t.Helper()
	for _, instance := range c.Snapshot().Instances {
		if instance.Addr() == addr {
			return instance
		}
	}
	require.Fail(t, "unknown instance", addr)
	return discovery.InstanceStatus{}
}
