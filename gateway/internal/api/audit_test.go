package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/audit"
	"orderflow/internal/problem"
)

// fakeAudit is a service with one table.
type fakeAudit struct {
	err     error
	queries []audit.Query
}

func (f *fakeAudit) Tables(context.Context) (audit.TableList, error) {
	return audit.TableList{Items: []audit.Table{{Name: "stock"}}}, f.err
}

func (f *fakeAudit) Rows(_ context.Context, table string, query audit.Query) (audit.Page[json.RawMessage], error) {
	f.queries = append(f.queries, query)
	if table != "stock" {
		return audit.Page[json.RawMessage]{}, problem.New(problem.NotFound, "there is no such table to audit")
	}
	rows := []json.RawMessage{json.RawMessage(`{"onHand":9007199254740993}`)}
	return audit.Page[json.RawMessage]{Table: table, Items: rows, Next: "c2"}, f.err
}

func (g *gateway) audits(path string) answer {
	g.t.Helper()
	return g.send(request{method: http.MethodGet, path: "/v1/ops/audit/" + path, token: g.token("eve", "ops")})
}

func TestAnAuditPassesRowsAndQueryAsTheyAre(t *testing.T) {
	g := newGateway(t)
	answer := g.audits("inventory?table=stock&after=c1&limit=1000&order=order-1")
	require.Equal(t, http.StatusOK, answer.Code, answer.Body.String())
	assert.JSONEq(t, `{"table":"stock","items":[{"onHand":9007199254740993}],"next":"c2"}`, answer.Body.String())
	assert.Contains(t, answer.Body.String(), "9007199254740993", "no digit is lost")
	assert.Equal(t, []audit.Query{{After: "c1", Limit: 1000, OrderID: "order-1"}}, g.audit.queries)

	require.Equal(t, http.StatusOK, g.audits("inventory?table=stock").Code)
	assert.Equal(t, audit.Query{Limit: audit.DefaultLimit}, g.audit.queries[1])
}

func TestWithoutATableAnAuditListsTheTables(t *testing.T) {
	answer := newGateway(t).audits("inventory")
	require.Equal(t, http.StatusOK, answer.Code)
	assert.JSONEq(t, `{"items":[{"name":"stock","byOrder":false}]}`, answer.Body.String())
}

func TestAnAuditThatCannotBeIsRefused(t *testing.T) {
	g := newGateway(t)
	for path, code := range map[string]problem.Code{
		"warehouse":                        problem.NotFound,
		"..%2finventory":                   problem.NotFound,
		"inventory?table=secrets":          problem.NotFound,
		"inventory?limit=5":                problem.Malformed,
		"inventory?table=stock&limit=0":    problem.Malformed,
		"inventory?table=stock&limit=1e3":  problem.Malformed,
		"inventory?table=stock&limit=1001": problem.Malformed,
		"inventory?table=stock&table=x":    problem.Malformed,
		"inventory?table=stock&page=2":     problem.Malformed,
	} {
		g.audits(path).problem(code)
	}
	g.audit.err = away("inventory")
	g.audits("inventory?table=stock").problem(problem.Unavailable)
	g.audits("inventory").problem(problem.Unavailable)
}
