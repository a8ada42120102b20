package internal

import (
	"context"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"orderflow/internal/audit/audittables"
	"orderflow/internal/endpoint"
	"orderflow/internal/problem"
	"orderflow/internal/validate"
	"orderflow/services/notification"
)

// maxReason leaves room for the saga's account of a failure.
const maxReason = 1000

// Routes serves the service's API.
func Routes(s *Service) func(gin.IRouter) {
	return func(r gin.IRouter) {
		r.POST("/v1/notifications", endpoint.Tell(http.StatusAccepted, validNotify, s.Notify))
		r.GET("/v1/notifications/:orderId", endpoint.Read("orderId", errNoOrder, s.list))
		audittables.Routes(r, s.db.Reader(), auditTables()...)
	}
}

var errNoOrder = problem.New(problem.NotFound, "no such order")

func (s *Service) list(ctx context.Context, orderID string) (gin.H, error) {
	items, err := s.Notifications(ctx, orderID)
	return gin.H{"items": items}, err
}

func validNotify(request notification.NotifyRequest) error {
	if err := request.Key.Validate(); err != nil {
		return err
	}
	fields := validate.New()
	fields.ID("/customerId", request.CustomerID)
	fields.Require(slices.Contains(notification.Templates(), request.Template), "/template", "must be one of %v", notification.Templates())
	fields.Text("/trackingNumber", request.TrackingNumber, 0, validate.MaxText)
	fields.Text("/reason", request.Reason, 0, maxReason)
	return fields.Err()
}
