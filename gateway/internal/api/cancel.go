package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/openapiserver"
	"orderflow/gateway/internal/orderview"
	"orderflow/gateway/internal/placement"
	"orderflow/internal/httpserver"
	"orderflow/workflows/contract"
)

// CancelOrder is POST /v1/orders/{orderId}/cancel.
func (a *API) CancelOrder(c *gin.Context, orderID string) {
	var body reasonBody
	asked, ok := a.ask(c, orderID, a.writable, &body)
	if !ok {
		return
	}
	_, err := a.decide(c.Request.Context(), asked, placement.Cancel(contract.CancelRequest{
		Reason: body.Reason, RequestedBy: asked.by.Subject,
	}))
	if err != nil {
		fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusAccepted,
		openapiserver.Acceptance{OrderID: orderID, Status: asked.standing.Status(), Links: orderview.LinksOf(orderID)})
}
