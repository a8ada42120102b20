package api

import (
	"slices"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/placement"
	"orderflow/internal/problem"
	"orderflow/workflows/contract"
)

// operate is POST /v1/ops/orders/{orderId}/compensations/{step}/{decision}: what
// an operator decides about a blocked step. The order's status says nothing
// about it, since an order can be cancelled while a refund is blocked: only
// the saga knows.
func (a *API) operate(message func(contract.OperatorRequest) placement.Message) gin.HandlerFunc {
	return func(c *gin.Context) {
		step := c.Param("step")
		if !isStep(step) {
			fail(c, problem.New(problem.NotFound, "no step and no compensation of an order has this name"))
			return
		}
		var body reasonBody
		asked, ok := a.ask(c, a.readable, &body)
		if !ok {
			return
		}
		progress, err := a.send(c.Request.Context(), asked, message(contract.OperatorRequest{
			Step: step, Reason: body.Reason, RequestedBy: asked.by.Subject,
		}))
		a.respondDecision(c, asked, progress, err)
	}
}

// isStep reports whether a step of the saga, or the activity that undoes one,
// has the name.
func isStep(name string) bool {
	undoing := []string{
		contract.UndoCreateOrder, contract.UndoReserveInventory, contract.UndoChargePayment, contract.UndoShipOrder,
	}
	return slices.Contains(contract.Steps(), name) || slices.Contains(undoing, name)
}
