package api_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/gateway/internal/edge"
	"orderflow/internal/problem"
	"orderflow/services/order"
)

// fill takes all places of a gate, and returns what gives them back.
func fill(t *testing.T, gate *edge.Gate) (empty func()) {
	t.Helper()
	var leaves []func()
	for {
		leave, err := gate.Enter()
		if err != nil {
			return func() {
				for _, leave := range leaves {
					leave()
				}
			}
		}
		leaves = append(leaves, leave)
	}
}

func TestAFullGatewayShedsAndRecovers(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.becomes(id, order.Shipped, order.SagaCompleted)
	empty := fill(t, g.requests)

	for _, sent := range []request{
		{method: http.MethodGet, path: "/v1/products", token: g.ada()},
		{method: http.MethodGet, path: "/v1/products", token: "no token is looked at"},
		{method: http.MethodPost, path: "/v1/orders", token: g.ada(), body: validBody},
		{method: http.MethodGet, path: "/v1/ops/attention", token: g.token("eve", "ops")},
	} {
		refused := g.send(sent)
		refused.problem(problem.Unavailable)
		assert.Equal(t, "1", refused.Header().Get("Retry-After"))
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics", "/openapi.yaml", "/docs"} {
		assert.Equal(t, http.StatusOK, g.send(request{method: http.MethodGet, path: path}).Code, path)
	}
	stream := request{method: http.MethodGet, path: "/v1/orders/" + id + "/stream", token: g.ada()}
	assert.Equal(t, http.StatusOK, g.send(stream).Code, "streams have places of their own")
	assert.Equal(t, 1, g.temporal.StartCalls())

	empty()
	assert.Equal(t, http.StatusOK, g.get("/v1/products").Code)
	assert.Equal(t, http.StatusAccepted, g.place(nil).Code)
}

func TestStreamsAndBatchesAreCountedApart(t *testing.T) {
	g := newGateway(t)
	id := g.placed()
	g.becomes(id, order.Shipped, order.SagaCompleted)
	stream := request{method: http.MethodGet, path: "/v1/orders/" + id + "/stream", token: g.ada()}
	batch := request{method: http.MethodPost, path: "/v1/orders/batch", token: g.ada(), body: lineOf(""), header: jsonl}

	empty := fill(t, g.streams)
	g.send(stream).problem(problem.Unavailable)
	assert.Equal(t, http.StatusOK, g.send(batch).Code)
	assert.Equal(t, http.StatusOK, g.get("/v1/products").Code)
	empty()
	empty = fill(t, g.batches)
	g.send(batch).problem(problem.Unavailable)
	assert.Equal(t, http.StatusOK, g.send(stream).Code)
	empty()
	assert.Equal(t, http.StatusOK, g.send(batch).Code)
}

// A stream holds its place as long as it lasts, and gives it back.
func TestAStreamGivesItsPlaceBack(t *testing.T) {
	g := newGateway(t)
	base, server := g.serve()
	id := g.placed()
	places := free(g.streams)
	_, events := g.watch(base, id, "")
	g.becomes(id, order.Draft, "")
	_, open := next(t, events)
	require.True(t, open)
	assert.Equal(t, places-1, free(g.streams))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	require.NoError(t, server.Shutdown(ctx))
	assert.Equal(t, places, free(g.streams))
}
