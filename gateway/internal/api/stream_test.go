package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"orderflow/gateway/internal/orderview"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// serve brings the gateway to a real port.
func (g *gateway) serve() (base string, server *httpserver.Server) {
	g.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(g.t, err)
	server = httpserver.Serve(context.Background(), listener, g.engine)
	g.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		assert.NoError(g.t, server.Shutdown(ctx))
		http.DefaultClient.CloseIdleConnections()
	})
	return "http://" + server.Addr().String(), server
}

type sent struct {
	id, kind string
	view     orderview.View
}

// watch opens the stream. The channel is closed with the stream.
func (g *gateway) watch(base, orderID, lastID string) (*http.Response, <-chan sent) {
	g.t.Helper()
	request, err := http.NewRequestWithContext(g.t.Context(), http.MethodGet, base+"/v1/orders/"+orderID+"/stream", nil)
	require.NoError(g.t, err)
	request.Header.Set("Authorization", "Bearer "+g.ada())
	if lastID != "" {
		request.Header.Set("Last-Event-ID", lastID)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(g.t, err)
	g.t.Cleanup(func() { _ = response.Body.Close() })
	events := make(chan sent, 16)
	go func() {
		defer close(events)
		scanner := bufio.NewScanner(response.Body)
		var current sent
		for scanner.Scan() {
			name, value, _ := strings.Cut(scanner.Text(), ": ")
			switch name {
			case "id":
				current.id = value
			case "event":
				current.kind = value
			case "data":
				assert.NoError(g.t, json.Unmarshal([]byte(value), &current.view))
				events <- current
				current = sent{}
			}
		}
	}()
	return response, events
}

func next(t *testing.T, events <-chan sent) (sent, bool) {
	t.Helper()
	select {
	case event, open := <-events:
		return event, open
	case <-time.After(5 * time.Second):
		require.Fail(t, "no event came")
		return sent{}, false
	}
}

func TestAStreamSendsEveryChangeAndClosesAfterTheEnd(t *testing.T) {
	g := newGateway(t)
	base, _ := g.serve()
	id := g.placed()
	response, events := g.watch(base, id, "")
	assert.Equal(t, http.StatusOK, response.StatusCode)
	assert.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))

	for i, status := range []order.Status{order.Draft, order.Confirmed, order.Shipped} {
		saga := order.SagaState("")
		if status == order.Shipped {
			saga = order.SagaCompleted
		}
		g.becomes(id, status, saga)
		event, open := next(t, events)
		require.True(t, open)
		assert.Equal(t, string(rune('1'+i)), event.id)
		assert.Equal(t, "order", event.kind)
		assert.Equal(t, status, event.view.Status)
		assert.EqualValues(t, i+1, event.view.Version)
	}
	_, open := next(t, events)
	assert.False(t, open, "the server closes after the end")
}

func TestChangesThatCameTogetherAreSentOneByOne(t *testing.T) {
	g := newGateway(t)
	base, _ := g.serve()
	id := g.placed()
	g.becomes(id, order.Draft, "")
	g.becomes(id, order.Confirmed, "")
	g.becomes(id, order.Shipped, order.SagaCompleted)

	_, events := g.watch(base, id, "")
	var ids []string
	var statuses []order.Status
	for event := range events {
		ids = append(ids, event.id)
		statuses = append(statuses, event.view.Status)
	}
	assert.Equal(t, []string{"1", "2", "3"}, ids)
	assert.Equal(t, []order.Status{order.Draft, order.Confirmed, order.Shipped}, statuses)
}

// The order moves on while its first version is joined with its parts: the
// event that follows is that of the version which the view shows.
func TestAnEventsIDIsTheVersionOfItsView(t *testing.T) {
	g := newGateway(t)
	base, _ := g.serve()
	id := g.placed()
	var once sync.Once
	g.temporal.Query = func() contract.Progress {
		once.Do(func() {
			g.becomes(id, order.Confirmed, "")
			g.becomes(id, order.Shipped, order.SagaCompleted)
		})
		return contract.Progress{State: contract.SagaCompleted}
	}
	_, events := g.watch(base, id, "")
	g.becomes(id, order.Draft, "")

	var versions []int64
	for event := range events {
		assert.Equal(t, strconv.FormatInt(event.view.Version, 10), event.id)
		versions = append(versions, event.view.Version)
	}
	assert.Equal(t, []int64{1, 2, 3}, versions)
}

func TestAStreamResumesBehindTheLastEvent(t *testing.T) {
	g := newGateway(t)
	base, _ := g.serve()
	id := g.placed()
	g.becomes(id, order.Draft, "")
	g.becomes(id, order.Confirmed, "")
	g.becomes(id, order.Shipped, order.SagaCompleted)

	_, events := g.watch(base, id, "2")
	event, open := next(t, events)
	require.True(t, open)
	assert.Equal(t, "3", event.id)
	_, open = next(t, events)
	assert.False(t, open)

	for _, seen := range []string{"3", "99"} {
		response, _ := g.watch(base, id, seen)
		assert.Equal(t, http.StatusNoContent, response.StatusCode, "nothing can follow")
	}
}

func TestAWrongLastEventIDIsMalformed(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	for _, value := range []string{"-1", "+1", "-0", "x", "1.5", "9223372036854775808", "1\r\n2"} {
		g.send(request{method: http.MethodGet, path: "/v1/orders/" + id + "/stream", token: g.ada(),
			header: http.Header{"Last-Event-Id": {value}}}).problem(problem.Malformed)
	}
}

func TestAStreamOutlivesAnAbsenceOfTheOrderService(t *testing.T) {
	g := newGateway(t)
	base, _ := g.serve()
	id := g.placed()
	g.orders.fail(away("order"))
	_, events := g.watch(base, id, "")
	g.orders.fail(nil)
	g.becomes(id, order.Cancelled, order.SagaCompensated)
	event, open := next(t, events)
	require.True(t, open)
	assert.Equal(t, order.Cancelled, event.view.Status)
}

// A service that drains answers at once, without news: a stream that asked again
// at once would keep both busy.
func TestAStreamDoesNotAskInALoopWhatHasNotChanged(t *testing.T) {
	g := newGateway(t)
	g.orders.drains = true
	base, _ := g.serve()
	id := g.placed()
	g.becomes(id, order.Draft, "")
	g.watch(base, id, "1")
	require.Eventually(t, func() bool { return len(g.orders.questions()) >= 2 }, 20*time.Second, 10*time.Millisecond)
	asked := g.orders.questions()
	assert.Greater(t, asked[1].Sub(asked[0]), 500*time.Millisecond)
}

// Nothing is ever recorded of it again: who waits for a change would wait for
// ever.
func TestAStreamOfAnOrderWhoseRecordIsLostTellsItsEndAndCloses(t *testing.T) {
	g := newGateway(t)
	g.temporal.NoWorker = true
	base, _ := g.serve()
	id := g.placed()
	g.temporal.Close(id, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)

	_, events := g.watch(base, id, "")
	event, open := next(t, events)
	require.True(t, open)
	assert.Equal(t, "0", event.id)
	assert.Equal(t, order.Shipped, event.view.Status)
	assert.Contains(t, event.view.Unavailable, orderview.PartOrder)
	_, open = next(t, events)
	assert.False(t, open)

	response, _ := g.watch(base, id, "0")
	assert.Equal(t, http.StatusNoContent, response.StatusCode, "nothing can follow")
}

// It is recovered, or an operator looks at it: more will come.
func TestAStreamOfAnOrderWithoutRecordGoesOnWhileItsEndIsOpen(t *testing.T) {
	g := newGateway(t)
	g.temporal.NoWorker = true
	base, _ := g.serve()
	id := g.placed()
	g.temporal.Close(id, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
	_, events := g.watch(base, id, "")
	g.becomes(id, order.Cancelled, order.SagaCompensated)
	event, open := next(t, events)
	require.True(t, open)
	assert.Equal(t, "1", event.id)
}

func TestAStreamEndsWhenTheGatewayDrains(t *testing.T) {
	g := newGateway(t)
	base, server := g.serve()
	id := g.placed()
	g.becomes(id, order.Draft, "")
	_, events := g.watch(base, id, "")
	_, open := next(t, events)
	require.True(t, open)

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	require.NoError(t, server.Shutdown(ctx))
	_, open = next(t, events)
	assert.False(t, open)
}

func TestAWaitingPlacementIsAcceptedWhenTheGatewayDrains(t *testing.T) {
	g := newGateway(t)
	waiting := make(chan struct{})
	g.temporal.Update = func(ctx context.Context, _ string, _ []any) error {
		close(waiting)
		<-ctx.Done()
		return ctx.Err()
	}
	base, server := g.serve()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/v1/orders", strings.NewReader(validBody))
	require.NoError(t, err)
	request.Header = http.Header{"Authorization": {"Bearer " + g.ada()}, "Content-Type": {"application/json"}, "Prefer": {"wait=30"}}
	go func() {
		<-waiting
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		assert.NoError(t, server.Shutdown(ctx))
	}()
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusAccepted, response.StatusCode)
}

func TestAStreamOfAnotherCustomersOrderIsNotFound(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.send(request{method: http.MethodGet, path: "/v1/orders/" + id + "/stream", token: g.token("cust-bob", "orders:read")}).problem(problem.NotFound)
}
