package api

import (
	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/placement"
	"orderflow/internal/token"
	"orderflow/workflows/contract"
)

// decideHold is POST /v1/orders/{orderId}/hold and …/release: whoever reads the
// order and may write orders, or operates them, may stop it and let it go on.
// What an operator has stopped, only operators let go on: the saga sees to that,
// which knows who stopped it.
func (a *API) decideHold(message func(contract.HoldRequest) placement.Message) gin.HandlerFunc {
	return func(c *gin.Context) {
		var body reasonBody
		asked, ok := a.ask(c, a.readable, &body)
		if !ok {
			return
		}
		progress, err := a.decide(c.Request.Context(), asked, message(contract.HoldRequest{
			Reason: body.Reason, RequestedBy: asked.by.Subject, Operator: asked.by.Has(token.Ops),
		}))
		a.respondDecision(c, asked, progress, err)
	}
}
