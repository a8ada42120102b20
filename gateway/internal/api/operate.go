package api

import (
	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/openapiserver"
	"orderflow/gateway/internal/placement"
	"orderflow/internal/problem"
	"orderflow/workflows/contract"
)

// RetryCompensation is POST
// /v1/ops/orders/{orderId}/compensations/{step}/retry.
func (a *API) RetryCompensation(c *gin.Context, orderID string, step openapiserver.Step) {
	a.operate(c, orderID, step, placement.Retry)
}

// SkipCompensation is POST /v1/ops/orders/{orderId}/compensations/{step}/skip.
func (a *API) SkipCompensation(c *gin.Context, orderID string, step openapiserver.Step) {
	a.operate(c, orderID, step, placement.Skip)
}

// ResolveCompensation is POST
// /v1/ops/orders/{orderId}/compensations/{step}/resolve.
func (a *API) ResolveCompensation(c *gin.Context, orderID string, step openapiserver.Step) {
	a.operate(c, orderID, step, placement.Resolve)
}

// operate sends what an operator decides about a blocked step. The order's
// status says nothing about it, since an order can be cancelled while a refund is
// blocked: only the saga knows.
func (a *API) operate(c *gin.Context, orderID string, step openapiserver.Step, message func(contract.OperatorRequest) placement.Message) {
	if !step.Valid() {
		fail(c, problem.New(problem.NotFound, "no step and no compensation of an order has this name"))
		return
	}
	var body reasonBody
	asked, ok := a.ask(c, orderID, a.readable, &body)
	if !ok {
		return
	}
	progress, err := a.send(c.Request.Context(), asked, message(contract.OperatorRequest{
		Step: string(step), Reason: body.Reason, RequestedBy: asked.by.Subject,
	}))
	a.respondDecision(c, asked, progress, err)
}
