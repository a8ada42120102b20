package api

import (
	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/auth"
	"orderflow/gateway/internal/placement"
	"orderflow/internal/httpserver"
	"orderflow/workflows/contract"
)

// decideHold is POST /v1/orders/{orderId}/hold and …/release: whoever reads the
// order and may write orders, or operates them, may stop it and let it go on.
func (a *API) decideHold(message func(contract.HoldRequest) placement.Message) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx := c.Request.Context()
		orderID := c.Param("orderId")
		standing, err := a.readable(ctx, orderID)
		if err != nil {
			fail(c, err)
			return
		}
		var body reasonBody
		if err := httpserver.Bind(c, &body); err != nil {
			fail(c, err)
			return
		}
		progress, err := a.decide(ctx, orderID, standing, message(contract.HoldRequest{
			Reason: body.Reason, RequestedBy: auth.PrincipalOf(ctx).Subject,
		}))
		if err != nil {
			fail(c, err)
			return
		}
		a.respondDecision(c, orderID, progress)
	}
}
