package audit

import (
	"net/url"
	"slices"
	"strconv"

	"orderflow/internal/problem"
)

// ReadQuery reads the parameters after, limit and order of a request, and
// refuses any other. Its error is problem.Malformed.
func ReadQuery(rawQuery string) (Query, error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return Query{}, problem.New(problem.Malformed, "the query cannot be read").WithCause(err)
	}
	known := []string{"after", "limit", "order"}
	for name, given := range values {
		switch {
		case !slices.Contains(known, name):
			return Query{}, problem.Newf(problem.Malformed, "the query knows only the parameters %v", known)
		case len(given) > 1:
			return Query{}, problem.Newf(problem.Malformed, "the parameter %s stands twice", name)
		}
	}
	query := Query{After: values.Get("after"), Limit: DefaultLimit, OrderID: values.Get("order")}
	if values.Has("limit") {
		query.Limit, err = strconv.Atoi(values.Get("limit"))
		if err != nil || query.Limit < 1 || query.Limit > MaxLimit {
			return Query{}, problem.Newf(problem.Malformed, "the parameter limit must be an integer from 1 to %d", MaxLimit)
		}
	}
	return query, nil
}
