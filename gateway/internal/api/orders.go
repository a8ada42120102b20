package api

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/auth"
	"orderflow/gateway/internal/openapiserver"
	"orderflow/gateway/internal/orderview"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/validate"
	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// GetOrder is GET /v1/orders/{orderId}.
func (a *API) GetOrder(c *gin.Context, orderID string) {
	ctx := c.Request.Context()
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

// ListOrders is GET /v1/customers/{customerId}/orders.
func (a *API) ListOrders(c *gin.Context, customerID string, params openapiserver.ListOrdersParams) {
	ctx := c.Request.Context()
	if !validate.IsID(customerID) || !auth.MayRead(ctx, customerID) {
		fail(c, notFound())
		return
	}
	paging := pagingOf(params.Page, params.Limit)
	page, err := a.Orders.CustomerOrders(ctx, order.ListQuery{
		CustomerID: customerID, Status: params.Status, Page: paging.Page, Limit: paging.Limit, UpTo: params.UpTo,
	})
	if err != nil {
		fail(c, err)
		return
	}
	if page.Items == nil {
		page.Items = []order.Summary{}
	}
	filter := url.Values{}
	if params.Status != "" {
		filter.Set("status", string(params.Status))
	}
	if page.UpTo > 0 {
		// The links end the list where the first page did, so that orders that
		// are placed meanwhile shift nothing.
		filter.Set("upTo", strconv.FormatInt(page.UpTo, 10))
	}
	httpserver.Respond(c, http.StatusOK, openapiserver.OrderPage{
		Items: page.Items, Page: page.Page, Limit: page.Limit, Total: page.Total, UpTo: page.UpTo,
		Links: linksAround(c.Request.URL.Path, filter, paging, page.Total),
	})
}

// pagingOf is which page the query asks for: 0 stands for an absent parameter.
func pagingOf(page, limit int) validate.Paging {
	return validate.Paging{Page: cmp.Or(page, 1), Limit: cmp.Or(limit, validate.DefaultLimit)}
}

// linksAround lead to a page and those around it.
func linksAround(path string, filter url.Values, paging validate.Paging, total int64) openapiserver.PageLinks {
	at := func(page int) string {
		filter.Set("page", strconv.Itoa(page))
		filter.Set("limit", strconv.Itoa(paging.Limit))
		return path + "?" + filter.Encode()
	}
	links := openapiserver.PageLinks{Self: at(paging.Page)}
	if paging.Offset()+int64(paging.Limit) < total {
		links.Next = at(paging.Page + 1)
	}
	if paging.Page > 1 {
		links.Prev = at(paging.Page - 1)
	}
	return links
}
