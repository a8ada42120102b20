package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/orderview"
	"orderflow/gateway/internal/placement"
	"orderflow/internal/httpserver"
	"orderflow/workflows/contract"
)

// cancelOrder is POST /v1/orders/{orderId}/cancel.
func (a *API) cancelOrder(c *gin.Context) {
	var body reasonBody
	asked, ok := a.ask(c, a.writable, &body)
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
		acceptance{OrderID: asked.orderID, Status: asked.standing.Status(), Links: orderview.LinksOf(asked.orderID)})
}
