package discovery

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"

	"orderflow/internal/discovery/consultest"
)

// soon is how long a real agent may take for anything.
const soon = 20 * time.Second

func newTestConsul(t *testing.T, addr string) *Consul {
	t.Helper()
	consul, err := NewConsul(ConsulConfig{Addr: addr}, zaptest.NewLogger(t))
	require.NoError(t, err)
	t.Cleanup(consul.Close)
	return consul
}

func newTestWatched(t *testing.T, consul *Consul) *Watched {
	t.Helper()
	watched := NewWatched(consul, zaptest.NewLogger(t))
	t.Cleanup(func() { assert.NoError(t, watched.Close()) })
	return watched
}

func testInstance(id string, port int) Instance {
	return Instance{
		ID: id, Name: "payment", Host: "127.0.0.1", Port: port, Version: "v1.2.3",
		Tags: []string{"canary"}, Metadata: map[string]string{"queues": "orders,payment"},
	}
}

func registerForTest(t *testing.T, consul *Consul, instance Instance) Registration {
	t.Helper()
	registration, err := consul.Register(t.Context(), instance)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = registration.Deregister(ctx) // the agent may be gone
	})
	return registration
}

func TestRegisteredInstanceIsFoundAsItWasGivenUntilDeregistered(t *testing.T) {
	agent := consultest.Start(t)
	consul := newTestConsul(t, agent.Addr)
	require.NoError(t, consul.Ping(t.Context()))
	one, two := testInstance("payment-1", 7001), testInstance("payment-2", 7002)

	first := registerForTest(t, consul, one)
	registerForTest(t, consul, two)

	found := func(want ...Instance) func(*assert.CollectT) {
		return func(t *assert.CollectT) {
			healthy, err := consul.HealthyInstances(context.Background(), "payment")
			require.NoError(t, err)
			assert.Equal(t, want, healthy)
			all, err := consul.Instances(context.Background(), "payment")
			require.NoError(t, err)
			assert.Equal(t, want, all)
		}
	}
	require.EventuallyWithT(t, found(one, two), soon, 20*time.Millisecond)

	require.NoError(t, first.Deregister(t.Context()))
	require.NoError(t, first.Deregister(t.Context()), "a second time does nothing")
	require.EventuallyWithT(t, found(two), soon, 20*time.Millisecond)

	unknown, err := consul.HealthyInstances(t.Context(), "nobody")
	require.NoError(t, err)
	assert.Empty(t, unknown)
}

func TestAgentThatRestartsLearnsTheInstancesAgainAndNoCallerNotices(t *testing.T) {
	agent := consultest.Start(t)
	consul := newTestConsul(t, agent.Addr)
	registerForTest(t, consul, testInstance("payment-1", 7001))
	watched := newTestWatched(t, consul)
	require.Eventually(t, func() bool {
		_, err := watched.Next(t.Context(), "payment")
		return err == nil
	}, soon, 20*time.Millisecond)

	agent.Kill()
	_, err := watched.Next(t.Context(), "payment")
	require.NoError(t, err, "the last known instances stay in use")

	agent.Run(t)
	began := time.Now()
	require.Eventually(t, func() bool {
		_, err := watched.Next(t.Context(), "payment")
		require.NoError(t, err, "an agent without memory does not mean that nobody is there")
		healthy, err := consul.HealthyInstances(t.Context(), "payment")
		return err == nil && len(healthy) == 1
	}, soon, 20*time.Millisecond)
	t.Logf("registered again %s after the agent was ready", time.Since(began).Round(time.Millisecond))
}

func TestWatchedFollowsTheRegistry(t *testing.T) {
	agent := consultest.Start(t)
	consul := newTestConsul(t, agent.Addr)
	watched := newTestWatched(t, consul)

	_, err := watched.Next(t.Context(), "payment")
	require.ErrorIs(t, err, ErrNoAvailableInstance)

	// IDs that the watched resolver hands out over a few turns.
	seen := func() map[string]bool {
		ids := make(map[string]bool)
		for range 4 {
			if instance, err := watched.Next(t.Context(), "payment"); err == nil {
				ids[instance.ID] = true
			}
		}
		return ids
	}
	registerForTest(t, consul, testInstance("payment-1", 7001))
	second := registerForTest(t, consul, testInstance("payment-2", 7002))
	require.Eventually(t, func() bool { return len(seen()) == 2 }, soon, 20*time.Millisecond)

	require.NoError(t, second.Deregister(t.Context()))
	require.Eventually(t, func() bool { return len(seen()) == 1 }, soon, 20*time.Millisecond)
}

func TestInstanceWithoutHeartbeatBecomesUnhealthy(t *testing.T) {
	agent := consultest.Start(t)
	consul, err := NewConsul(ConsulConfig{Addr: agent.Addr, CheckTTL: time.Second}, zaptest.NewLogger(t))
	require.NoError(t, err)
	t.Cleanup(consul.Close)
	require.NoError(t, consul.announce(t.Context(), testInstance("payment-1", 7001)))

	require.Eventually(t, func() bool {
		healthy, err := consul.HealthyInstances(t.Context(), "payment")
		return err == nil && len(healthy) == 0
	}, soon, 20*time.Millisecond)
	all, err := consul.Instances(t.Context(), "payment")
	require.NoError(t, err)
	assert.Len(t, all, 1, "it is registered still")
}

func TestHeartbeatKeepsAnInstanceHealthyBeyondItsTTL(t *testing.T) {
	agent := consultest.Start(t)
	consul, err := NewConsul(ConsulConfig{Addr: agent.Addr, CheckTTL: time.Second}, zaptest.NewLogger(t))
	require.NoError(t, err)
	t.Cleanup(consul.Close)
	registerForTest(t, consul, testInstance("payment-1", 7001))
	healthy := func() bool {
		instances, err := consul.HealthyInstances(t.Context(), "payment")
		return err == nil && len(instances) == 1
	}
	require.Eventually(t, healthy, soon, 20*time.Millisecond)

	require.Never(t, func() bool { return !healthy() }, 3*time.Second, 50*time.Millisecond)
}

func TestAgentThatWantsATokenIsGivenIt(t *testing.T) {
	agent := consultest.StartProtected(t)
	allowed, err := NewConsul(ConsulConfig{Addr: agent.Addr, Token: agent.Token}, zaptest.NewLogger(t))
	require.NoError(t, err)
	t.Cleanup(allowed.Close)
	registerForTest(t, allowed, testInstance("payment-1", 7001))
	require.Eventually(t, func() bool {
		healthy, err := allowed.HealthyInstances(t.Context(), "payment")
		return err == nil && len(healthy) == 1
	}, soon, 20*time.Millisecond)

	powerless, _, err := allowed.client.ACL().TokenCreate(&api.ACLToken{}, nil)
	require.NoError(t, err)
	forbidden, err := NewConsul(ConsulConfig{Addr: agent.Addr, Token: powerless.SecretID}, zaptest.NewLogger(t))
	require.NoError(t, err)
	t.Cleanup(forbidden.Close)
	_, err = forbidden.HealthyInstances(t.Context(), "payment")
	require.ErrorIs(t, err, errNotAllowed, "to such a token Consul says that there is nothing")
	_, err = forbidden.Register(t.Context(), testInstance("payment-2", 7002))
	assert.ErrorContains(t, err, "Permission denied")
}
