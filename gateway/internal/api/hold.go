package api

import (
	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/placement"
	"orderflow/internal/token"
	"orderflow/workflows/contract"
)

// HoldOrder is POST /v1/orders/{orderId}/hold.
func (a *API) HoldOrder(c *gin.Context, orderID string) { a.decideHold(c, orderID, placement.Hold) }

// ReleaseOrder is POST /v1/orders/{orderId}/release.
func (a *API) ReleaseOrder(c *gin.Context, orderID string) {
	a.decideHold(c, orderID, placement.Release)
}

// decideHold holds or releases: whoever reads the order and may write orders, or
// operates them, may stop it and let it go on. What an operator has stopped, only
// operators let go on: the saga sees to that, which knows who stopped it.
func (a *API) decideHold(c *gin.Context, orderID string, message func(contract.HoldRequest) placement.Message) {
	var body reasonBody
	asked, ok := a.ask(c, orderID, a.readable, &body)
	if !ok {
		return
	}
	progress, err := a.decide(c.Request.Context(), asked, message(contract.HoldRequest{
		Reason: body.Reason, RequestedBy: asked.by.Subject, Operator: asked.by.Has(token.Ops),
	}))
	a.respondDecision(c, asked, progress, err)
}
