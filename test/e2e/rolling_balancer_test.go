package e2e_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"orderflow/internal/discovery"
)

// balancer stands in for a load balancer in front of the gateways. It sends
// each request to the next one that Consul calls healthy, and a request that
// breaks off to another one.
type balancer struct {
	system   *system
	gateways *discovery.Watched

	mu       sync.Mutex
	requests int
	resent   int
	longest  time.Duration
	failures []string
}

func (s *system) balance() *balancer {
	s.t.Helper()
	gateways, err := discovery.Open(discovery.Config{Consul: discovery.ConsulConfig{Addr: s.ConsulAddr()}}, zap.NewNop())
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, gateways.Close()) })
	return &balancer{system: s, gateways: gateways}
}

// request returns the answer, unless it failed: it had none, or one that is no
// success. A broken connection is tried again once, as load balancers do where
// a request may be repeated. All of ours may: placements have their key.
func (b *balancer) request(method, path string, body any, headers ...string) (answer, bool) {
	began, resent := time.Now(), 0
	found, err := b.send(method, path, body, headers...)
	if err != nil {
		resent = 1
		found, err = b.send(method, path, body, headers...)
	}
	if err == nil && found.status >= http.StatusMultipleChoices {
		err = fmt.Errorf("answer %d: %s", found.status, found.body)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests++
	b.resent += resent
	b.longest = max(b.longest, time.Since(began))
	if err != nil {
		b.failures = append(b.failures, fmt.Sprintf("%s %s: %v", method, path, err))
	}
	return found, err == nil
}

// send fails when there is no answer.
func (b *balancer) send(method, path string, body any, headers ...string) (answer, error) {
	ctx := b.system.t.Context()
	gateway, err := b.gateways.Next(ctx, "gateway")
	if err != nil {
		return answer{}, err
	}
	found, err := b.system.callAt(ctx, "http://"+gateway.Addr(), method, path, body, headers...)
	if err != nil {
		b.gateways.Failed(gateway)
	}
	return found, err
}

// requireNoFailures prints what the clients have seen of the gateways.
func (b *balancer) requireNoFailures(t *testing.T) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	t.Logf("%d requests at the gateways, %d failed, %d sent again after a broken connection, the longest took %v",
		b.requests, len(b.failures), b.resent, b.longest.Round(time.Millisecond))
	require.Empty(t, b.failures)
}
