// Package effects is how a service tells what stands at it for orders: stock
// that is held, money that was captured, a fence that is open. Whoever
// reconciles walks through such a list and asks of each order whether anybody
// still takes care of it.
//
//	GET /v1/effects/{kind}?since=TIME&before=TIME&after=CURSOR&limit=N
//
// The oldest come first. A list costs what it has and not what the table has:
// every kind has an index of just the rows that stand.
//
// This package has the shapes and the client; effectroutes serves them. It is
// not for auditors, who need the rows of every state: see internal/audit.
package effects

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"orderflow/internal/fence"
	"orderflow/internal/rpc"
)

// Limits of a page.
const (
	DefaultLimit = 100
	MaxLimit     = 500
)

// OpenFences is the kind of the fences that were tried and neither confirmed
// nor compensated. Every service that asks a provider has it; where an effect
// is local, its fence is never open.
const OpenFences = "open-fences"

// Effect is what stands under a key. Where it is the order as a whole, the key
// has neither step nor revision.
type Effect struct {
	fence.Key
	// Since is when it began to stand.
	Since time.Time `json:"since"`
}

// Query asks for a page of the effects that have stood since a time in
// [Since, Before).
type Query struct {
	// Since is the zero time for all that are old enough.
	Since  time.Time
	Before time.Time
	// After is the Next of the page before, "" for the first page.
	After string
	// Limit is how many a page has at most, 1 to MaxLimit; 0 means
	// DefaultLimit.
	Limit int
}

// Page is a page of effects, the oldest first.
type Page struct {
	Items []Effect `json:"items"`
	// Next is the opaque cursor of the page after this one; "" on the last.
	Next string `json:"next,omitempty"`
}

// List reads a page of the effects of a kind. The errors are those of
// rpc.Client.Call: problem.NotFound for a kind that the service does not have,
// problem.Malformed for a query that cannot be read.
func List(ctx context.Context, caller rpc.Caller, kind string, query Query) (Page, error) {
	var page Page
	err := caller.Call(ctx, http.MethodGet, "/v1/effects/"+url.PathEscape(kind)+"?"+query.values().Encode(), nil, &page)
	return page, err
}

func (q Query) values() url.Values {
	values := url.Values{"before": {q.Before.UTC().Format(time.RFC3339Nano)}}
	if !q.Since.IsZero() {
		values.Set("since", q.Since.UTC().Format(time.RFC3339Nano))
	}
	if q.After != "" {
		values.Set("after", q.After)
	}
	if q.Limit != 0 {
		values.Set("limit", strconv.Itoa(q.Limit))
	}
	return values
}
