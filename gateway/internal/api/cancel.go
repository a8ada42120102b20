package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/auth"
	"orderflow/gateway/internal/orderview"
	"orderflow/gateway/internal/placement"
	"orderflow/internal/httpserver"
	"orderflow/workflows/contract"
)

// cancelOrder is POST /v1/orders/{orderId}/cancel.
func (a *API) cancelOrder(c *gin.Context) {
	ctx := c.Request.Context()
	orderID := c.Param("orderId")
	standing, err := a.writable(ctx, orderID)
	if err != nil {
		fail(c, err)
		return
	}
	var body reasonBody
	if err := httpserver.Bind(c, &body); err != nil {
		fail(c, err)
		return
	}
	_, err = a.decide(ctx, orderID, standing, placement.Cancel(contract.CancelRequest{
		Reason: body.Reason, RequestedBy: auth.PrincipalOf(ctx).Subject,
	}))
	if err != nil {
		fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusAccepted,
		acceptance{OrderID: orderID, Status: standing.Status(), Links: orderview.LinksOf(orderID)})
}
