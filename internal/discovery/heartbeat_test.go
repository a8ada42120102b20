package discovery

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"
)

var errAway = errors.New("the agent is away")

// fakeAgent is an agent in memory.
type fakeAgent struct {
	mu        sync.Mutex
	known     bool
	failure   error         // of every request
	delay     time.Duration // of a heartbeat, whatever its context says
	announced int
	beats     []time.Time
}

// set changes the agent.
func (a *fakeAgent) set(change func(*fakeAgent)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a)
}

func (a *fakeAgent) knows() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.known
}

func (a *fakeAgent) announce(context.Context, Instance) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failure != nil {
		return a.failure
	}
	a.known = true
	a.announced++
	return nil
}

func (a *fakeAgent) beat(context.Context, Instance) error {
	a.mu.Lock()
	a.beats = append(a.beats, time.Now())
	delay := a.delay
	a.mu.Unlock()
	<-time.After(delay)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.failure != nil:
		return a.failure
	case !a.known:
		return errForgotten
	}
	return nil
}

func (a *fakeAgent) withdraw(context.Context, Instance) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known = false
	return a.failure
}

func TestHeartbeatLeavesRoomForTwoLostOnesAndNoticesAnAgentsRestart(t *testing.T) {
	assert.Equal(t, time.Second, ConsulConfig{}.withDefaults().heartbeatEvery())
	assert.Equal(t, 500*time.Millisecond, ConsulConfig{CheckTTL: 1500 * time.Millisecond}.heartbeatEvery())
}

func TestHeartbeatBeatsFromRegisterToDeregister(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := &fakeAgent{}
		ctx, cancel := context.WithCancel(t.Context())
		registration, err := register(ctx, agent, testInstance("payment-1", 7001), time.Second, zaptest.NewLogger(t))
		require.NoError(t, err)
		cancel() // bounds the first announcement only
		start := time.Now()

		advance(3*time.Second + time.Millisecond)
		assert.Equal(t, []time.Time{start.Add(time.Second), start.Add(2 * time.Second), start.Add(3 * time.Second)}, agent.beats)

		require.NoError(t, registration.Deregister(t.Context()))
		assert.False(t, agent.knows())
		advance(time.Minute)
		assert.Len(t, agent.beats, 3, "no heartbeat after the end")
		assert.Equal(t, 1, agent.announced)
	})
}

func TestForgottenInstanceIsRegisteredAgainByTheNextHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := &fakeAgent{}
		registration, err := register(t.Context(), agent, testInstance("payment-1", 7001), time.Second, zaptest.NewLogger(t))
		require.NoError(t, err)
		advance(1500 * time.Millisecond)

		agent.set(func(a *fakeAgent) { a.known, a.failure = false, errAway }) // it restarts
		advance(10 * time.Second)
		assert.False(t, agent.knows())
		agent.set(func(a *fakeAgent) { a.failure = nil })
		advance(time.Second)
		assert.True(t, agent.knows())
		assert.Equal(t, 2, agent.announced)
		require.NoError(t, registration.Deregister(t.Context()))
	})
}

func TestRegisterFailsWithoutAHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := &fakeAgent{failure: errAway}
		_, err := register(t.Context(), agent, testInstance("payment-1", 7001), time.Second, zaptest.NewLogger(t))
		require.ErrorIs(t, err, errAway)
		_, err = register(t.Context(), agent, Instance{}, time.Second, zaptest.NewLogger(t))
		require.ErrorContains(t, err, "no ID")
		advance(time.Minute)
		assert.Empty(t, agent.beats)
	})
}

func TestDeregisterEndsTheHeartbeatAlsoWhenTheAgentIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := &fakeAgent{}
		registration, err := register(t.Context(), agent, testInstance("payment-1", 7001), time.Second, zaptest.NewLogger(t))
		require.NoError(t, err)
		agent.set(func(a *fakeAgent) { a.failure = errAway })

		require.ErrorIs(t, registration.Deregister(t.Context()), errAway)
		require.NoError(t, registration.Deregister(t.Context()))
		advance(time.Minute)
		assert.Empty(t, agent.beats)
	})
}

func TestDeregisterWaitsForTheHeartbeatUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		agent := &fakeAgent{}
		registration, err := register(t.Context(), agent, testInstance("payment-1", 7001), time.Second, zaptest.NewLogger(t))
		require.NoError(t, err)
		// This heartbeat will register again.
		agent.set(func(a *fakeAgent) { a.known, a.delay = false, time.Second })
		advance(1500 * time.Millisecond)

		require.NoError(t, registration.Deregister(t.Context()))
		advance(time.Minute)
		assert.False(t, agent.knows(), "it must not be registered behind our back")
	})
}
