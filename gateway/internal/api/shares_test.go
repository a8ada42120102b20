package api_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/gateway/internal/edge"
	"orderflow/internal/problem"
	"orderflow/services/order"
)

// ask sends a request to the served gateway, whose answer may go on.
func (g *gateway) ask(base, method, path, token string, body io.Reader, header http.Header) *http.Response {
	g.t.Helper()
	request, err := http.NewRequestWithContext(g.t.Context(), method, base+path, body)
	require.NoError(g.t, err)
	for name, values := range header {
		request.Header[name] = values
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	require.NoError(g.t, err)
	g.t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// refusedShare reads the answer to one who holds all that they may.
func refusedShare(t *testing.T, response *http.Response) {
	t.Helper()
	require.Equal(t, http.StatusTooManyRequests, response.StatusCode)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	assert.Equal(t, "5", response.Header.Get("Retry-After"))
	assert.Contains(t, string(body), problem.RateLimited.Type())
}

func TestOneCustomersStreamsLeaveRoomForAnothers(t *testing.T) {
	g := newGateway(t)
	base, _ := g.serve()
	id := g.placed()
	g.becomes(id, order.Draft, "")
	stream := "/v1/orders/" + id + "/stream"
	ada, operator := g.ada(), g.token("eve", "ops")

	var opened []*http.Response
	for range 4 {
		response := g.ask(base, http.MethodGet, stream, ada, nil, nil)
		require.Equal(t, http.StatusOK, response.StatusCode)
		opened = append(opened, response)
	}
	for range 20 {
		refusedShare(t, g.ask(base, http.MethodGet, stream, ada, nil, nil))
	}
	assert.Equal(t, http.StatusOK, g.ask(base, http.MethodGet, stream, operator, nil, nil).StatusCode, "another one's opens")
	assert.Equal(t, http.StatusOK, g.ask(base, http.MethodGet, "/v1/products", ada, nil, nil).StatusCode, "the rest is open to the one, too")

	require.NoError(t, opened[0].Body.Close())
	require.Eventually(t, func() bool {
		return g.ask(base, http.MethodGet, stream, ada, nil, nil).StatusCode == http.StatusOK
	}, 10*time.Second, 10*time.Millisecond, "a stream that has ended makes room")
}

func TestOneCustomersBatchesLeaveRoomForAnothers(t *testing.T) {
	g := newGateway(t)
	base, _ := g.serve()
	lines, unfinished := io.Pipe()
	defer func() { assert.NoError(t, unfinished.Close()) }()
	answered := make(chan *http.Response, 1)
	go func() { answered <- g.ask(base, http.MethodPost, "/v1/orders/batch", g.ada(), lines, jsonl) }()
	_, err := io.WriteString(unfinished, lineOf("")+"\n")
	require.NoError(t, err)
	select {
	case open := <-answered:
		_, err = bufio.NewReader(open.Body).ReadString('\n')
		require.NoError(t, err)
	case <-time.After(20 * time.Second):
		require.Fail(t, "the first line is answered while the batch is open")
	}

	refusedShare(t, g.ask(base, http.MethodPost, "/v1/orders/batch", g.ada(), strings.NewReader(lineOf("")), jsonl))
	bob := g.ask(base, http.MethodPost, "/v1/orders/batch", g.token("cust-bob", "orders:write"), strings.NewReader(lineOf("")), jsonl)
	assert.Equal(t, http.StatusOK, bob.StatusCode)
}

// Who waits for as much as they may is answered at once, and their orders are
// placed all the same.
func TestOneCustomersWaitsLeaveRoomForOthers(t *testing.T) {
	g := newGateway(t)
	base, _ := g.serve()
	waiting := make(chan struct{})
	g.temporal.Update = func(ctx context.Context, _ string, _ []any) error {
		select {
		case waiting <- struct{}{}:
		case <-ctx.Done():
		}
		<-ctx.Done()
		return ctx.Err()
	}
	ada := g.ada()
	place := func(ctx context.Context) (*http.Response, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/v1/orders", strings.NewReader(validBody))
		if err != nil {
			return nil, err
		}
		request.Header = http.Header{"Authorization": {"Bearer " + ada}, "Content-Type": {"application/json"}, "Prefer": {"wait=30"}}
		return http.DefaultClient.Do(request)
	}
	ctx, giveUp := context.WithCancel(t.Context())
	var waits sync.WaitGroup
	for range 3 {
		waits.Go(func() {
			_, err := place(ctx)
			assert.ErrorIs(t, err, context.Canceled)
		})
		receive(t, waiting)
	}
	soon, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	response, err := place(soon)
	require.NoError(t, err, "nobody waits for the fourth")
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusAccepted, response.StatusCode)
	assert.Empty(t, response.Header.Get("Preference-Applied"))
	assert.NotEmpty(t, response.Header.Get("Location"))
	assert.Equal(t, 4, g.temporal.StartCalls())
	giveUp()
	waits.Wait()
	assert.Eventually(t, func() bool { return freeShare(g.waitShares, "cust-ada") == 3 }, 10*time.Second, 10*time.Millisecond,
		"waits that have ended give their places back")
}

// freeShare counts the places that the caller may take.
func freeShare(shares *edge.Shares, caller string) (places int) {
	for {
		leave, err := shares.Enter(caller)
		if err != nil {
			return places
		}
		defer leave()
		places++
	}
}

// receive fails the test when nothing comes.
func receive(t *testing.T, from <-chan struct{}) {
	t.Helper()
	select {
	case <-from:
	case <-time.After(20 * time.Second):
		require.Fail(t, "nothing came")
	}
}
