package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/gateway/internal/dependencies"
	"orderflow/internal/problem"
	"orderflow/workflows/contract"
)

type dependency struct {
	Service string `json:"service"`
	Hold    *struct {
		Since   time.Time `json:"since"`
		By      string    `json:"by"`
		Reason  string    `json:"reason"`
		Waiting *int      `json:"waiting"`
	} `json:"hold"`
}

// dependencies reads the services, by their names.
func (g *gateway) dependencies() map[string]dependency {
	g.t.Helper()
	answer := g.send(request{method: http.MethodGet, path: "/v1/ops/dependencies", token: g.eve()})
	require.Equal(g.t, http.StatusOK, answer.Code, answer.Body.String())
	var list struct {
		Items []dependency `json:"items"`
	}
	answer.into(&list)
	named := make(map[string]dependency)
	for i, item := range list.Items {
		assert.Equal(g.t, dependencies.Services()[i], item.Service)
		named[item.Service] = item
	}
	assert.Len(g.t, named, len(dependencies.Services()))
	return named
}

func (g *gateway) holdService(service, body string) answer {
	g.t.Helper()
	return g.post("/v1/ops/dependencies/"+service+"/hold", g.eve(), body)
}

func (g *gateway) releaseService(service, body string) answer {
	g.t.Helper()
	return g.post("/v1/ops/dependencies/"+service+"/release", g.eve(), body)
}

func TestOperatorsHoldAndReleaseAService(t *testing.T) {
	for _, service := range dependencies.Services() {
		g := newGateway(t)
		held := g.holdService(service, `{"reason":"maintenance"}`)
		require.Equal(t, http.StatusAccepted, held.Code, held.Body.String())
		var row dependency
		held.into(&row)
		assert.Equal(t, service, row.Service)
		assert.Equal(t, "eve", row.Hold.By)
		assert.Equal(t, "maintenance", row.Hold.Reason)
		assert.WithinDuration(t, time.Now(), row.Hold.Since, time.Minute)
		assert.Zero(t, *row.Hold.Waiting)
		g.holdService(service, `{"reason":"again"}`).problem(problem.Conflict)

		for name, found := range g.dependencies() {
			if name == service {
				assert.Equal(t, row, found)
			} else {
				assert.Nil(t, found.Hold, name)
			}
		}

		g.holds.Change(func(s *holdWorkflows) { s.Answer.Waiting = 40 })
		assert.Equal(t, 40, *g.dependencies()[service].Hold.Waiting)
		released := g.releaseService(service, `{"reason":"it is back","perSecond":5}`)
		require.Equal(t, http.StatusAccepted, released.Code, released.Body.String())
		assert.JSONEq(t, `{"service":"`+service+`","waiting":40,"perSecond":5}`, released.Body.String())
		require.Len(t, g.holds.Updates(), 1)
		assert.Equal(t, []any{contract.ReleaseRequest{Reason: "it is back", RequestedBy: "eve", PerSecond: 5}}, g.holds.Updates()[0].Args)
		assert.Nil(t, g.dependencies()[service].Hold)
		g.releaseService(service, `{"reason":"again"}`).problem(problem.Conflict)
	}
}

func TestAServiceThatIsNotHeldSaysNothingOfAHold(t *testing.T) {
	g := newGateway(t)
	answer := g.send(request{method: http.MethodGet, path: "/v1/ops/dependencies", token: g.eve()})
	assert.JSONEq(t, `{"items":[{"service":"order"},{"service":"inventory"},{"service":"payment"},{"service":"shipping"},{"service":"notification"}]}`,
		answer.Body.String())
}

func TestAReleaseWithoutAPaceHasTheDefault(t *testing.T) {
	for _, body := range []string{`{"reason":"x"}`, `{"reason":"x","perSecond":null}`} {
		g := newGateway(t)
		g.holdService("payment", `{"reason":"x"}`)
		released := g.releaseService("payment", body)
		assert.JSONEq(t, `{"service":"payment","waiting":0,"perSecond":10}`, released.Body.String())
	}
}

func TestAHoldOfAServiceThatNoOrderCallsIsNotFound(t *testing.T) {
	g := newGateway(t)
	for _, service := range []string{"catalog", "customer", "orders", "Payment", "payment%0a", "%00", ".."} {
		g.holdService(service, `{}`).problem(problem.NotFound)
		g.releaseService(service, `{}`).problem(problem.NotFound)
	}
}

func TestAHoldAndAReleaseNeedAReason(t *testing.T) {
	g := newGateway(t)
	for reason, code := range map[string]problem.Code{
		`{}`: problem.Invalid, `{"reason":null}`: problem.Invalid, `{"reason":""}`: problem.Invalid, `{"reason":" "}`: problem.Invalid,
		`{"reason":7}`: problem.Invalid, `{"reason":"a\nb"}`: problem.Invalid, `{"reason":"` + strings.Repeat("x", 201) + `"}`: problem.Invalid,
		`{"reason":"x","requestedBy":"root"}`: problem.Malformed, `{"reason":"x","reason":"y"}`: problem.Malformed,
		`{"reason":`: problem.Malformed, ``: problem.Malformed, `[]`: problem.Malformed, `null`: problem.Malformed,
	} {
		for _, change := range []func(string, string) answer{g.holdService, g.releaseService} {
			document := change("payment", reason).problem(code)
			if code == problem.Invalid {
				assert.Equal(t, []string{"/reason"}, pointers(document), reason)
			}
		}
	}
	g.holdService("payment", `{"reason":"x","perSecond":1}`).problem(problem.Malformed)
	assert.Empty(t, g.holds.Started())
}

func TestThePaceOfAReleaseHasBounds(t *testing.T) {
	g := newGateway(t)
	g.holdService("payment", `{"reason":"x"}`)
	for _, pace := range []string{"0", "-1", "1001", "1.5", `"2"`, "9223372036854775808", "1e308", "true"} {
		document := g.releaseService("payment", `{"reason":"x","perSecond":`+pace+`}`).problem(problem.Invalid)
		assert.Equal(t, []string{"/perSecond"}, pointers(document), pace)
	}
	document := g.releaseService("payment", `{"perSecond":0}`).problem(problem.Invalid)
	assert.Equal(t, []string{"/reason", "/perSecond"}, pointers(document))
	assert.Empty(t, g.holds.Updates())
	for _, pace := range []string{"1", "1000"} {
		answer := g.releaseService("payment", `{"reason":"x","perSecond":`+pace+`}`)
		require.Equal(t, http.StatusAccepted, answer.Code, answer.Body.String())
		g.holdService("payment", `{"reason":"x"}`)
	}
}

func TestHoldsNeedTemporal(t *testing.T) {
	g := newGateway(t)
	g.holdService("payment", `{"reason":"x"}`)
	g.holds.Change(func(s *holdWorkflows) { s.Down = true })
	for _, answer := range []answer{
		g.send(request{method: http.MethodGet, path: "/v1/ops/dependencies", token: g.eve()}),
		g.holdService("shipping", `{"reason":"x"}`),
		g.releaseService("payment", `{"reason":"x"}`),
	} {
		answer.problem(problem.Unavailable)
		assert.NotEmpty(t, answer.Header().Get("Retry-After"))
	}
}

func TestWithoutAWorkerAHoldIsKnownButNotWhoWaits(t *testing.T) {
	g := newGateway(t)
	g.holds.Change(func(s *holdWorkflows) { s.NoWorker = true })
	require.Equal(t, http.StatusAccepted, g.holdService("payment", `{"reason":"maintenance"}`).Code)
	hold := g.dependencies()["payment"].Hold
	require.NotNil(t, hold)
	assert.Equal(t, "maintenance", hold.Reason)
	assert.Nil(t, hold.Waiting)
	g.releaseService("payment", `{"reason":"x"}`).problem(problem.Unavailable)
}
