package api_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/services/order"
)

// fakeReadModel is the read model of an order service in memory.
type fakeReadModel struct {
	err        error
	projection order.Projection
}

func (f *fakeReadModel) Projection(context.Context) (order.Projection, error) {
	return f.projection, f.err
}

func (f *fakeReadModel) RebuildProjection(context.Context) (order.Projection, error) {
	if f.err == nil {
		f.projection.Rebuild = &order.Rebuild{State: order.RebuildRequested, StartedAt: eventTime(1)}
	}
	return f.projection, f.err
}

func TestOperatorsHaveTheReadModelRebuilt(t *testing.T) {
	g := newGateway(t)
	ask := func(method, path string) answer {
		return g.send(request{method: method, path: "/v1/ops/projection" + path, token: g.eve()})
	}
	before := ask(http.MethodGet, "")
	require.Equal(t, http.StatusOK, before.Code)
	assert.JSONEq(t, `{"generation":1,"position":97,"head":100,"lag":3}`, before.Body.String())

	begun := ask(http.MethodPost, "/rebuild")
	require.Equal(t, http.StatusAccepted, begun.Code)
	const startedAt = `"startedAt":"2026-11-23T12:01:00Z"`
	assert.JSONEq(t, `{"generation":1,"position":97,"head":100,"lag":3,"rebuild":{"state":"requested",`+startedAt+`}}`, begun.Body.String())

	for want, rebuild := range map[string]*order.Rebuild{
		`{"state":"running","position":40,` + startedAt + `}`: {State: order.RebuildRunning, Position: 40, StartedAt: eventTime(1)},
		`{"state":"done",` + startedAt + `,"endedAt":"2026-11-23T12:02:00Z"}`: {
			State: order.RebuildDone, StartedAt: eventTime(1), EndedAt: eventTime(2),
		},
		`{"state":"failed",` + startedAt + `,"endedAt":"2026-11-23T12:02:00Z","error":"event at position 41 cannot be projected"}`: {
			State: order.RebuildFailed, StartedAt: eventTime(1), EndedAt: eventTime(2), Error: "event at position 41 cannot be projected",
		},
	} {
		g.rows.projection.Rebuild = rebuild
		assert.JSONEq(t, `{"generation":1,"position":97,"head":100,"lag":3,"rebuild":`+want+`}`, ask(http.MethodGet, "").Body.String())
	}

	g.rows.err = away("order")
	ask(http.MethodGet, "").problem(problem.Unavailable)
	ask(http.MethodPost, "/rebuild").problem(problem.Unavailable)
}
