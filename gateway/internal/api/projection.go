package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"orderflow/gateway/internal/auth"
	"orderflow/internal/httpserver"
	"orderflow/internal/telemetry"
)

// GetProjection is GET /v1/ops/projection: how far the read model is.
func (a *API) GetProjection(c *gin.Context) {
	projection, err := a.ReadModel.Projection(c.Request.Context())
	if err != nil {
		fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusOK, projection)
}

// RebuildProjection is POST /v1/ops/projection/rebuild. The order service works
// at it in the background; the answer tells where it stands.
func (a *API) RebuildProjection(c *gin.Context) {
	ctx := c.Request.Context()
	projection, err := a.ReadModel.RebuildProjection(ctx)
	if err != nil {
		fail(c, err)
		return
	}
	telemetry.Logger(ctx, a.Log).Info("rebuild of the read model asked for", zap.String("by", auth.PrincipalOf(ctx).Subject))
	httpserver.Respond(c, http.StatusAccepted, projection)
}
