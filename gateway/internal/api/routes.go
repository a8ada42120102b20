package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/auth"
	"orderflow/gateway/internal/edge"
	"orderflow/gateway/internal/openapiserver"
	"orderflow/gateway/openapi"
	"orderflow/internal/problem"
)

// API has a method for every operation of the description.
var _ openapiserver.ServerInterface = (*API)(nil)

const (
	// BatchPath is the route of batches.
	BatchPath = "/v1/orders/batch"
	// streamPath is the route of streams.
	streamPath = "/v1/orders/:orderId/stream"
)

// Register adds the routes of the description, and the description itself. A
// request takes its place, shows its token, counts against its principal's rate,
// and is held against the description, before a handler sees it.
func (a *API) Register(router gin.IRouter) {
	edge.Get(router, "/openapi.yaml", func(c *gin.Context) {
		c.Data(http.StatusOK, "application/yaml", openapi.YAML)
	})
	guarded := router.Group("",
		a.takePlace, auth.Authenticate(a.Verifier, a.Log, a.Limiter.Refused), a.Limiter.Middleware(), a.takeShare(), a.holdAgainstDescription)
	openapiserver.RegisterHandlersWithOptions(withHead{guarded}, a, openapiserver.GinServerOptions{ErrorHandler: refuseSegment})
}

// withHead is a router on which what can be read answers HEAD as well.
type withHead struct{ gin.IRouter }

// GET adds the route, and that of HEAD unless the answer is a stream.
func (r withHead) GET(path string, handlers ...gin.HandlerFunc) gin.IRoutes {
	if path == streamPath {
		return r.IRouter.GET(path, handlers...)
	}
	edge.Get(r.IRouter, path, handlers...)
	return r.IRouter
}

// takePlace lets a request in at the gate of its kind.
func (a *API) takePlace(c *gin.Context) {
	switch c.FullPath() {
	case streamPath:
		a.Streams.Middleware(c)
	case BatchPath:
		a.Batches.Middleware(c)
	default:
		a.Requests.Middleware(c)
	}
}

// takeShare counts what lasts long against the share of its principal.
func (a *API) takeShare() gin.HandlerFunc {
	stream, batch := a.StreamShares.Middleware(caller), a.BatchShares.Middleware(caller)
	return func(c *gin.Context) {
		switch c.FullPath() {
		case streamPath:
			stream(c)
		case BatchPath:
			batch(c)
		}
	}
}

// caller is whom shares are counted for.
func caller(ctx context.Context) string { return auth.PrincipalOf(ctx).Subject }

// holdAgainstDescription lets only tokens through that have a scope of the
// operation, and only queries that are described.
func (a *API) holdAgainstDescription(c *gin.Context) {
	operation, described := a.Description.Operation(c.Request.Method, c.FullPath())
	if !described {
		fail(c, problem.Newf(problem.Internal, "%s %s is not described", c.Request.Method, c.FullPath()))
		return
	}
	if len(operation.Scopes) > 0 && !auth.CheckScope(c, operation.Scopes...) {
		return
	}
	if err := operation.CheckQuery(c.Request.URL.RawQuery); err != nil {
		fail(c, err)
	}
}

// refuseSegment answers for a segment of the path that the generated code cannot
// read, such as an empty one: nothing has that ID. Queries have been checked
// before, with words of their own.
func refuseSegment(c *gin.Context, _ error, _ int) { fail(c, notFound()) }
