package gatewaytest

import (
	"net/http"

	"orderflow/internal/problem"
)

// getAudit serves the rows of Audited, in one page.
func (g *Gateway) getAudit(w http.ResponseWriter, r *http.Request) {
	if g.Audited == nil {
		refuse(w, r, problem.New(problem.NotFound, "there is nothing to audit"))
		return
	}
	rows := g.Audited[r.PathValue("service")+"/"+r.URL.Query().Get("table")]
	if rows == nil {
		rows = []any{}
	}
	respond(w, http.StatusOK, map[string]any{"items": rows})
}
