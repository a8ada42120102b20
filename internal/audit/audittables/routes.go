package audittables

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"orderflow/internal/audit"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
)

// Routes adds the audit routes over the tables of one database.
func Routes(r gin.IRouter, db sqlstore.Queryer, tables ...Table) {
	h := handlers{db: db, tables: tables}
	r.GET("/v1/audit", h.list)
	r.GET("/v1/audit/:table", h.page)
}

type handlers struct {
	db     sqlstore.Queryer
	tables []Table
}

// list answers GET /v1/audit.
func (h handlers) list(c *gin.Context) {
	list := audit.TableList{Items: make([]audit.Table, len(h.tables))}
	for i, table := range h.tables {
		list.Items[i] = table.Table
	}
	httpserver.Respond(c, http.StatusOK, list)
}

// page answers GET /v1/audit/{table}?after=CURSOR&limit=N&order=ORDER.
func (h handlers) page(c *gin.Context) {
	at := slices.IndexFunc(h.tables, func(t Table) bool { return t.Name == c.Param("table") })
	if at < 0 {
		httpserver.Fail(c, problem.New(problem.NotFound, "there is no such table to audit"))
		return
	}
	query, err := audit.ReadQuery(c.Request.URL.RawQuery)
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	page, err := h.tables[at].page(c.Request.Context(), h.db, query)
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusOK, page)
}
