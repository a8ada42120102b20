package httpapi

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/internal/endpoint"
	"orderflow/services/order"
)

// ReadModel tells how far it is and can be rebuilt; *readmodel.Rebuilder does it.
type ReadModel interface {
	Projection(ctx context.Context) (order.Projection, error)
	Request(ctx context.Context) (order.Projection, error)
}

// projection answers GET /v1/projection.
func (h Handlers) projection(c *gin.Context) {
	projection, err := h.ReadModel.Projection(c.Request.Context())
	endpoint.Answer(c, http.StatusOK, projection, err)
}

// rebuildProjection answers POST /v1/projection/rebuild, which needs no body: 202
// also when a rebuild was under way before.
func (h Handlers) rebuildProjection(c *gin.Context) {
	projection, err := h.ReadModel.Request(c.Request.Context())
	endpoint.Answer(c, http.StatusAccepted, projection, err)
}
