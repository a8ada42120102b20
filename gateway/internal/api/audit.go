package api

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/openapiserver"
	"orderflow/internal/audit"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
)

// Audit reads the raw rows of one service; *audit.Reader does it.
type Audit interface {
	Tables(ctx context.Context) (audit.TableList, error)
	Rows(ctx context.Context, table string, query audit.Query) (audit.Page[json.RawMessage], error)
}

// Audit is GET /v1/ops/audit/{service}: a page of one of its tables, or
// without a table which tables it has. The rows pass as the service sends
// them: they are for an auditor, who wants nothing left out.
func (a *API) Audit(c *gin.Context, name string, params openapiserver.AuditParams) {
	service, known := a.Audits[name]
	if !known {
		fail(c, problem.New(problem.NotFound, "there is no such service to audit"))
		return
	}
	if params.Table == "" {
		if c.Request.URL.RawQuery != "" {
			fail(c, problem.New(problem.Malformed, "the parameter table says which rows are meant"))
			return
		}
		tables, err := service.Tables(c.Request.Context())
		answerAudit(c, tables, err)
		return
	}
	page, err := service.Rows(c.Request.Context(), params.Table, audit.Query{
		After: params.After, Limit: cmp.Or(params.Limit, audit.DefaultLimit), OrderID: params.Order,
	})
	answerAudit(c, page, err)
}

func answerAudit(c *gin.Context, body any, err error) {
	if err != nil {
		fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusOK, body)
}
