package api_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// told is an answer and how long it took.
type told struct {
	status     int
	retryAfter string
	took       time.Duration
}

func slowest(answers []told) time.Duration {
	return slices.MaxFunc(answers, func(a, b told) int { return int(a.took - b.took) }).took
}

// Every place is taken by requests that last, over real connections. Three times
// as many more are refused at once, health answers beside them, and what was let
// in comes to its end.
func TestAboveItsLimitTheGatewayShedsAtOnceAndFinishesWhatItHas(t *testing.T) {
	g := newGateway(t)
	base, _ := g.serve()
	const places, each = 100, 3 // as newGateway has them
	entered, release := make(chan struct{}, places), make(chan struct{})
	g.temporal.Update = func(ctx context.Context, _ string, _ []any) error {
		entered <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
		}
		return nil // but nothing shows its end, so that 202 is the answer
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 4 * places}
	defer transport.CloseIdleConnections()
	send := func(method, path, token, body string) told {
		request, err := http.NewRequestWithContext(t.Context(), method, base+path, strings.NewReader(body))
		if !assert.NoError(t, err) {
			return told{}
		}
		request.Header = http.Header{"Authorization": {"Bearer " + token}, "Content-Type": {"application/json"}, "Prefer": {"wait=30"}}
		began := time.Now()
		response, err := (&http.Client{Transport: transport}).Do(request)
		if !assert.NoError(t, err) {
			return told{}
		}
		assert.NoError(t, response.Body.Close())
		return told{response.StatusCode, response.Header.Get("Retry-After"), time.Since(began)}
	}
	together := func(n int, do func(i int) told) *sync.WaitGroup {
		var running sync.WaitGroup
		for i := range n {
			running.Go(func() { do(i) })
		}
		return &running
	}
	tokens := make([]string, places/each+1)
	for i := range tokens {
		tokens[i] = g.token(fmt.Sprintf("partner-%d", i), "admin")
	}
	accepted := make([]told, places)
	inside := together(places, func(i int) told {
		accepted[i] = send(http.MethodPost, "/v1/orders", tokens[i/each], validBody)
		return accepted[i]
	})
	for range places {
		receive(t, entered)
	}

	refused, health := make([]told, 3*places), make([]told, 20)
	outside := together(len(refused), func(i int) told {
		refused[i] = send(http.MethodGet, "/v1/products", tokens[0], "")
		return refused[i]
	})
	for i := range health {
		health[i] = send(http.MethodGet, "/healthz", "", "")
	}
	outside.Wait()
	close(release)
	inside.Wait()

	for _, answer := range refused {
		assert.Equal(t, http.StatusServiceUnavailable, answer.status)
		assert.Equal(t, "1", answer.retryAfter)
	}
	for _, answer := range health {
		assert.Equal(t, http.StatusOK, answer.status)
	}
	for _, answer := range accepted {
		assert.Equal(t, http.StatusAccepted, answer.status)
	}
	assert.Equal(t, places, g.temporal.StartCalls())
	t.Logf("with %d requests inside, %d more were refused within %v, health answered within %v",
		places, len(refused), slowest(refused), slowest(health))
	// What is inside waits for them, so that they do not wait for it.
	assert.Less(t, slowest(refused), 20*time.Second)
	assert.Less(t, slowest(health), 20*time.Second)
	require.Equal(t, http.StatusOK, send(http.MethodGet, "/v1/products", tokens[0], "").status)
}
