package simulator

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/validate"
	"orderflow/services/payment"
)

// Routes serves the simulator's own API: what its operators can do, and no
// customer of it. The gateway does not lead here.
func Routes(s *Simulator) func(gin.IRouter) {
	return func(r gin.IRouter) {
		r.PUT("/v1/simulator/refunds/:orderId", s.putRefunds)
	}
}

func (s *Simulator) putRefunds(c *gin.Context) {
	orderID := c.Param("orderId")
	if !validate.IsID(orderID) {
		httpserver.Fail(c, problem.New(problem.NotFound, "no such order"))
		return
	}
	var body payment.RefundSwitch
	if err := httpserver.Bind(c, &body); err != nil {
		httpserver.Fail(c, err)
		return
	}
	fields := validate.New()
	accept := body.Refunds == payment.AcceptRefunds
	fields.Require(accept || body.Refunds == payment.RefuseRefunds,
		"/refunds", "must be %s or %s", payment.AcceptRefunds, payment.RefuseRefunds)
	err := fields.Err()
	if err == nil {
		err = s.SetRefunds(c.Request.Context(), orderID, accept)
	}
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusNoContent, nil)
}
