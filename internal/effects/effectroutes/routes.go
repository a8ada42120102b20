// Package effectroutes serves the lists of package effects. A service says for
// each kind which rows of which table stand, and since when; paging, cursors
// and routes are here, once for all services.
//
// It only reads, and only through the pool for reads.
package effectroutes

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"orderflow/internal/effects"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
)

// Routes adds the route of these kinds over one database.
func Routes(r gin.IRouter, db sqlstore.Queryer, kinds ...Kind) {
	h := handlers{db: db, kinds: kinds}
	r.GET("/v1/effects/:kind", h.list)
}

type handlers struct {
	db    sqlstore.Queryer
	kinds []Kind
}

func (h handlers) list(c *gin.Context) {
	at := slices.IndexFunc(h.kinds, func(k Kind) bool { return k.Name == c.Param("kind") })
	if at < 0 {
		httpserver.Fail(c, problem.New(problem.NotFound, "there is no such kind of effects here"))
		return
	}
	query, err := readQuery(c.Request.URL.RawQuery)
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	page, err := h.kinds[at].page(c.Request.Context(), h.db, query)
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusOK, page)
}

var parameters = []string{"since", "before", "after", "limit"}

// readQuery refuses what it does not know. Its error is problem.Malformed.
func readQuery(rawQuery string) (effects.Query, error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return effects.Query{}, problem.New(problem.Malformed, "the query cannot be read").WithCause(err)
	}
	for name, given := range values {
		switch {
		case !slices.Contains(parameters, name):
			return effects.Query{}, problem.Newf(problem.Malformed, "the query knows only the parameters %v", parameters)
		case len(given) > 1:
			return effects.Query{}, problem.Newf(problem.Malformed, "the parameter %s stands twice", name)
		}
	}
	query := effects.Query{After: values.Get("after"), Limit: effects.DefaultLimit}
	if query.Before, err = readTime(values, "before"); err != nil {
		return effects.Query{}, err
	}
	if values.Has("since") {
		if query.Since, err = readTime(values, "since"); err != nil {
			return effects.Query{}, err
		}
	}
	if values.Has("limit") {
		query.Limit, err = strconv.Atoi(values.Get("limit"))
		if err != nil || query.Limit < 1 || query.Limit > effects.MaxLimit {
			return effects.Query{}, problem.Newf(problem.Malformed, "the parameter limit must be an integer from 1 to %d", effects.MaxLimit)
		}
	}
	return query, nil
}

func readTime(values url.Values, name string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339Nano, values.Get(name))
	if err != nil {
		return time.Time{}, problem.Newf(problem.Malformed, "the parameter %s must be a time of RFC 3339", name).WithCause(err)
	}
	return at, nil
}
