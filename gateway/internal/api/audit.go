package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/internal/audit"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
)

// Audit reads the raw rows of one service; *audit.Reader does it.
type Audit interface {
	Tables(ctx context.Context) (audit.TableList, error)
	Rows(ctx context.Context, table string, query audit.Query) (audit.Page[json.RawMessage], error)
}

// getAudit is GET /v1/ops/audit/{service}: a page of one of its tables, or
// without a table which tables it has. The rows pass as the service sends
// them: they are for an auditor, who wants nothing left out.
func (a *API) getAudit(c *gin.Context) {
	service, known := a.Audits[c.Param("service")]
	if !known {
		fail(c, problem.New(problem.NotFound, "there is no such service to audit"))
		return
	}
	table := c.Query("table")
	query, err := audit.ReadQuery(c.Request.URL.RawQuery, "table")
	if err != nil {
		fail(c, err)
		return
	}
	if table == "" {
		if c.Request.URL.RawQuery != "" {
			fail(c, problem.New(problem.Malformed, "the parameter table says which rows are meant"))
			return
		}
		tables, err := service.Tables(c.Request.Context())
		answerAudit(c, tables, err)
		return
	}
	page, err := service.Rows(c.Request.Context(), table, query)
	answerAudit(c, page, err)
}

func answerAudit(c *gin.Context, body any, err error) {
	if err != nil {
		fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusOK, body)
}
