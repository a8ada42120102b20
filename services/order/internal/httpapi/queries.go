package httpapi

import (
	"context"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"orderflow/internal/endpoint"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/telemetry"
	"orderflow/services/order"
)

// order answers GET /v1/orders/{id}, in one of three forms:
//
//   - without parameters, the view as it is now;
//   - ?asOf=TIME, the view as it was then;
//   - ?after=VERSION&wait=SECONDS, the view as soon as its version is above
//     VERSION, or as it is when SECONDS (0 to 60, may have a fraction) are over
//     or the server drains. The client compares the versions.
func (h Handlers) order(c *gin.Context) {
	parameters, err := parseParameters(c.Request.URL.RawQuery, "asOf", "after", "wait")
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	id := c.Param("id")
	ctx := telemetry.WithOrderID(c.Request.Context(), id)
	asOf := parameters.Has("asOf")
	waiting := parameters.Has("after") || parameters.Has("wait")
	var view order.View
	switch {
	case asOf && waiting:
		err = problem.New(problem.Malformed, "asOf cannot be combined with after and wait")
	case asOf:
		view, err = h.orderAsOf(ctx, id, parameters)
	case waiting:
		view, err = h.orderAfter(ctx, id, parameters)
	default:
		view, err = h.Orders.Order(ctx, id)
	}
	endpoint.Answer(c, http.StatusOK, view, err)
}

func (h Handlers) orderAsOf(ctx context.Context, id string, parameters url.Values) (order.View, error) {
	at, err := parseAsOf(parameters)
	if err != nil {
		return order.View{}, err
	}
	return h.Orders.OrderAsOf(ctx, id, at)
}

func (h Handlers) orderAfter(ctx context.Context, id string, parameters url.Values) (order.View, error) {
	version, wait, err := parseWaiting(parameters)
	if err != nil {
		return order.View{}, err
	}
	return h.Orders.OrderAfter(ctx, id, version, wait, httpserver.Draining(ctx))
}

// events answers GET /v1/orders/{id}/events with {"items": [...]}.
func (h Handlers) events(c *gin.Context) {
	id := c.Param("id")
	events, err := h.History.Events(telemetry.WithOrderID(c.Request.Context(), id), id)
	endpoint.Answer(c, http.StatusOK, eventList{Items: events}, err)
}

type eventList struct {
	Items []order.Event `json:"items"`
}

// customerOrders answers GET /v1/customers/{id}/orders?status=&page=1&limit=10.
// Two more things may be asked for; see order.ListQuery:
//
//   - ?upTo=N, the upTo of the first page, ends the list where the first page
//     was read;
//   - ?seenOrder=ID&seenVersion=N waits a moment for that version.
func (h Handlers) customerOrders(c *gin.Context) {
	query, err := parseListQuery(c.Param("id"), c.Request.URL.RawQuery)
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	page, err := h.CustomerOrders.Page(c.Request.Context(), query)
	endpoint.Answer(c, http.StatusOK, page, err)
}
