package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"

	"orderflow/gateway/internal/auth"
	"orderflow/internal/httpserver"
	"orderflow/internal/telemetry"
)

// getProjection is GET /v1/ops/projection: how far the read model is.
func (a *API) getProjection(c *gin.Context) {
	projection, err := a.ReadModel.Projection(c.Request.Context())
	if err != nil {
		fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusOK, projection)
}

// rebuildProjection is POST /v1/ops/projection/rebuild. The order service works
// at it in the background; the answer tells where it stands.
func (a *API) rebuildProjection(c *gin.Context) {
	ctx := c.Request.Context()
	projection, err := a.ReadModel.RebuildProjection(ctx)
	if err != nil {
		fail(c, err)
		return
	}
	telemetry.Logger(ctx, a.Log).Info("rebuild of the read model asked for", zap.String("by", auth.PrincipalOf(ctx).Subject))
	httpserver.Respond(c, http.StatusAccepted, projection)
}
