package api

import (
	"slices"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/auth"
	"orderflow/gateway/internal/placement"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/workflows/contract"
)

// operate is POST /v1/ops/orders/{orderId}/compensations/{step}/{decision}: what
// an operator decides about a blocked step. The order's status says nothing
// about it, since an order can be cancelled while a refund is blocked: only
// the saga knows.
func (a *API) operate(message func(contract.OperatorRequest) placement.Message) gin.HandlerFunc {
	return func(c *gin.Context) {
		ctx := c.Request.Context()
		orderID, step := c.Param("orderId"), c.Param("step")
		if !isStep(step) {
			fail(c, problem.New(problem.NotFound, "no step and no compensation of an order has this name"))
			return
		}
		if _, err := a.readable(ctx, orderID); err != nil {
			fail(c, err)
			return
		}
		var body reasonBody
		if err := httpserver.Bind(c, &body); err != nil {
			fail(c, err)
			return
		}
		progress, err := a.send(ctx, orderID, message(contract.OperatorRequest{
			Step: step, Reason: body.Reason, RequestedBy: auth.PrincipalOf(ctx).Subject,
		}))
		if err != nil {
			fail(c, err)
			return
		}
		a.respondDecision(c, orderID, progress)
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
