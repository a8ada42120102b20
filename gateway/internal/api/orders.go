package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/auth"
	"orderflow/gateway/internal/orderview"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/validate"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// getOrder is GET /v1/orders/{orderId}.
func (a *API) getOrder(c *gin.Context) {
	ctx := c.Request.Context()
	orderID := c.Param("orderId")
	standing, err := a.readable(ctx, orderID)
	if err != nil {
		fail(c, err)
		return
	}
	view, err := a.Reader.View(ctx, orderID, standing)
	if err != nil {
		fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusOK, view)
}

// readable looks up an order that the caller may see. For one that they may
// not see the error is the same as for one that does not exist.
func (a *API) readable(ctx context.Context, orderID string) (orderview.Standing, error) {
	if !contract.ValidOrderID(orderID) {
		return orderview.Standing{}, notFound()
	}
	standing, err := a.Reader.Standing(ctx, orderID)
	if problem.CodeOf(err) == problem.NotFound || err == nil && !auth.MayRead(ctx, standing.CustomerID) {
		return orderview.Standing{}, notFound()
	}
	return standing, err
}

// writable looks up an order that the caller may act on as its owner does.
func (a *API) writable(ctx context.Context, orderID string) (orderview.Standing, error) {
	standing, err := a.readable(ctx, orderID)
	if err == nil && !auth.MayWrite(ctx, standing.CustomerID) {
		// Operators see the order; this is for its owner and admins.
		err = problem.New(problem.Forbidden, "the order belongs to another customer")
	}
	return standing, err
}

// orderPage is a page of a customer's orders.
type orderPage struct {
	order.Page
	Links pageLinks `json:"links"`
}

// pageLinks lead to the pages around one. Next and Prev are absent at the ends.
type pageLinks struct {
	Self string `json:"self"`
	Next string `json:"next,omitempty"`
	Prev string `json:"prev,omitempty"`
}

// listOrders is GET /v1/customers/{customerId}/orders.
func (a *API) listOrders(c *gin.Context) {
	ctx := c.Request.Context()
	customerID := c.Param("customerId")
	if !validate.IsID(customerID) || !auth.MayRead(ctx, customerID) {
		fail(c, notFound())
		return
	}
	query := c.Request.URL.Query()
	paging, err := validate.ReadPaging(query)
	if err != nil {
		fail(c, err)
		return
	}
	status, err := statusFilter(query)
	if err != nil {
		fail(c, err)
		return
	}
	upTo, err := upToFilter(query)
	if err != nil {
		fail(c, err)
		return
	}
	page, err := a.Orders.CustomerOrders(ctx, order.ListQuery{
		CustomerID: customerID, Status: status, Page: paging.Page, Limit: paging.Limit, UpTo: upTo,
	})
	if err != nil {
		fail(c, err)
		return
	}
	if page.Items == nil {
		page.Items = []order.Summary{}
	}
	filter := url.Values{}
	if status != "" {
		filter.Set("status", string(status))
	}
	if page.UpTo > 0 {
		// The links end the list where the first page did, so that orders that
		// are placed meanwhile shift nothing.
		filter.Set("upTo", strconv.FormatInt(page.UpTo, 10))
	}
	httpserver.Respond(c, http.StatusOK, orderPage{
		Page: page, Links: linksAround(c.Request.URL.Path, filter, paging, page.Total),
	})
}

func statusFilter(query url.Values) (order.Status, error) {
	status := order.Status(query.Get("status"))
	known := []order.Status{"", order.Draft, order.Confirmed, order.Shipped, order.Cancelled}
	if len(query["status"]) > 1 || !slices.Contains(known, status) {
		return "", problem.New(problem.Malformed, "the parameter status must be one of draft, confirmed, shipped, cancelled")
	}
	return status, nil
}

// upToFilter reads where the list ends that the first page began; 0 when this
// is the first page.
func upToFilter(query url.Values) (int64, error) {
	if !query.Has("upTo") {
		return 0, nil
	}
	upTo, err := strconv.ParseInt(query.Get("upTo"), 10, 64)
	if err != nil || upTo < 1 || len(query["upTo"]) > 1 {
		return 0, problem.New(problem.Malformed, "the parameter upTo must be the one of a page's links")
	}
	return upTo, nil
}

func linksAround(path string, filter url.Values, paging validate.Paging, total int64) pageLinks {
	at := func(page int) string {
		filter.Set("page", strconv.Itoa(page))
		filter.Set("limit", strconv.Itoa(paging.Limit))
		return path + "?" + filter.Encode()
	}
	links := pageLinks{Self: at(paging.Page)}
	if paging.Offset()+int64(paging.Limit) < total {
		links.Next = at(paging.Page + 1)
	}
	if paging.Page > 1 {
		links.Prev = at(paging.Page - 1)
	}
	return links
}

// asOfTime reads the parameter asOf.
func asOfTime(query url.Values) (at time.Time, asked bool, err error) {
	values, asked := query["asOf"]
	if !asked {
		return time.Time{}, false, nil
	}
	at, err = time.Parse(time.RFC3339Nano, values[0])
	if err != nil || len(values) > 1 {
		return time.Time{}, true, problem.New(problem.Malformed, "the parameter asOf must be one time of RFC 3339")
	}
	return at.UTC(), true, nil
}
