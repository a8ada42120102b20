package audit

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"orderflow/internal/rpc"
)

// Rows reads a page of a service's table. The errors are those of
// rpc.Client.Call: problem.NotFound for a table that the service does not
// have, problem.Malformed for a cursor that is not this table's.
func Rows[Row any](ctx context.Context, caller rpc.Caller, table string, query Query) (Page[Row], error) {
	path := "/v1/audit/" + url.PathEscape(table)
	if values := query.values(); len(values) > 0 {
		path += "?" + values.Encode()
	}
	var page Page[Row]
	err := caller.Call(ctx, http.MethodGet, path, nil, &page)
	return page, err
}

func (q Query) values() url.Values {
	values := url.Values{}
	if q.After != "" {
		values.Set("after", q.After)
	}
	if q.Limit != 0 {
		values.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.OrderID != "" {
		values.Set("order", q.OrderID)
	}
	return values
}

// Reader reads the tables of one service without knowing their rows.
type Reader struct {
	caller rpc.Caller
}

// NewReader returns a reader that calls through caller.
func NewReader(caller rpc.Caller) *Reader { return &Reader{caller: caller} }

// Tables lists the service's tables.
func (r *Reader) Tables(ctx context.Context) (TableList, error) {
	var tables TableList
	err := r.caller.Call(ctx, http.MethodGet, "/v1/audit", nil, &tables)
	return tables, err
}

// Rows reads a page of a table; see the function Rows.
func (r *Reader) Rows(ctx context.Context, table string, query Query) (Page[json.RawMessage], error) {
	return Rows[json.RawMessage](ctx, r.caller, table, query)
}
