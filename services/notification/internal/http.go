package internal

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/internal/audit/audittables"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/validate"
	"orderflow/services/notification"
)

// maxReason leaves room for the saga's account of a failure.
const maxReason = 1000

// Routes serves the service's API.
func Routes(s *Service) func(gin.IRouter) {
	h := handlers{service: s}
	return func(r gin.IRouter) {
		r.POST("/v1/notifications", h.notify)
		r.GET("/v1/notifications/:orderId", h.notifications)
		audittables.Routes(r, s.db.Reader(), auditTables()...)
	}
}

type handlers struct{ service *Service }

func (h handlers) notify(c *gin.Context) {
	var request notification.NotifyRequest
	if err := httpserver.Bind(c, &request); err != nil {
		httpserver.Fail(c, err)
		return
	}
	if err := validNotify(request); err != nil {
		httpserver.Fail(c, err)
		return
	}
	if err := h.service.Notify(c.Request.Context(), request); err != nil {
		httpserver.Fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusAccepted, nil)
}

func (h handlers) notifications(c *gin.Context) {
	orderID := c.Param("orderId")
	if !validate.IsID(orderID) {
		httpserver.Fail(c, problem.New(problem.NotFound, "no such order"))
		return
	}
	items, err := h.service.Notifications(c.Request.Context(), orderID)
	if err != nil {
		httpserver.Fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusOK, gin.H{"items": items})
}

func validNotify(request notification.NotifyRequest) error {
	if err := request.Key.Validate(); err != nil {
		return err
	}
	fields := validate.New()
	fields.ID("/customerId", request.CustomerID)
	known := request.Template == notification.OrderShipped || request.Template == notification.OrderUndone
	fields.Require(known, "/template", "must be %s or %s", notification.OrderShipped, notification.OrderUndone)
	fields.Text("/trackingNumber", request.TrackingNumber, 0, validate.MaxText)
	fields.Text("/reason", request.Reason, 0, maxReason)
	return fields.Err()
}
