package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/auth"
	"orderflow/gateway/internal/dependencies"
	"orderflow/gateway/internal/openapiserver"
	"orderflow/internal/httpserver"
	"orderflow/internal/problem"
	"orderflow/internal/validate"
	"orderflow/workflows/contract"
)

// Holds puts services on hold for all orders; *dependencies.Holds does it.
type Holds interface {
	List(ctx context.Context) ([]dependencies.Dependency, error)
	Begin(ctx context.Context, service string, hold dependencies.Hold) error
	Release(ctx context.Context, service string, request contract.ReleaseRequest) (dependencies.Released, error)
}

func dependencyOf(found dependencies.Dependency) openapiserver.Dependency {
	shown := openapiserver.Dependency{Service: found.Service}
	if hold := found.Hold; hold != nil {
		shown.Hold = &openapiserver.DependencyHold{Since: hold.Since, By: hold.By, Reason: hold.Reason, Waiting: hold.Waiting}
	}
	return shown
}

// ListDependencies is GET /v1/ops/dependencies.
func (a *API) ListDependencies(c *gin.Context) {
	found, err := a.Holds.List(c.Request.Context())
	if err != nil {
		fail(c, err)
		return
	}
	items := make([]openapiserver.Dependency, len(found))
	for i, each := range found {
		items[i] = dependencyOf(each)
	}
	httpserver.Respond(c, http.StatusOK, openapiserver.DependencyList{Items: items})
}

// HoldDependency is POST /v1/ops/dependencies/{service}/hold.
func (a *API) HoldDependency(c *gin.Context, name openapiserver.DependencyName) {
	ctx := c.Request.Context()
	var body reasonBody
	service, ok := bindDependency(c, name, &body)
	if !ok {
		return
	}
	waiting := 0 // nobody yet
	hold := dependencies.Hold{
		Since: a.Now().UTC().Truncate(time.Microsecond), By: auth.PrincipalOf(ctx).Subject, Reason: body.Reason, Waiting: &waiting,
	}
	if err := a.Holds.Begin(ctx, service, hold); err != nil {
		fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusAccepted, dependencyOf(dependencies.Dependency{Service: service, Hold: &hold}))
}

// releaseBody is the body of POST /v1/ops/dependencies/{service}/release.
type releaseBody struct {
	Reason    string `json:"reason"`
	PerSecond *int64 `json:"perSecond"`
}

// mostPerSecond is the fastest ramp that a hold's workflow accepts.
const mostPerSecond = 1000

// Validate checks reason and pace.
func (b *releaseBody) Validate() error {
	fields := validate.New()
	checkReason(fields, b.Reason)
	if b.PerSecond != nil {
		fields.Integer("/perSecond", *b.PerSecond, 1, mostPerSecond)
	}
	return fields.Err()
}

func (b *releaseBody) request(requestedBy string) contract.ReleaseRequest {
	request := contract.ReleaseRequest{Reason: b.Reason, RequestedBy: requestedBy}
	if b.PerSecond != nil {
		request.PerSecond = int(*b.PerSecond)
	}
	return request
}

// ReleaseDependency is POST /v1/ops/dependencies/{service}/release.
func (a *API) ReleaseDependency(c *gin.Context, name openapiserver.DependencyName) {
	ctx := c.Request.Context()
	var body releaseBody
	service, ok := bindDependency(c, name, &body)
	if !ok {
		return
	}
	released, err := a.Holds.Release(ctx, service, body.request(auth.PrincipalOf(ctx).Subject))
	if err != nil {
		fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusAccepted, openapiserver.DependencyReleased{Service: service, Waiting: released.Waiting, PerSecond: released.PerSecond})
}

// bindDependency reads the body of a request about a service that sagas call.
// Otherwise it has answered.
func bindDependency(c *gin.Context, name openapiserver.DependencyName, body any) (service string, ok bool) {
	if !name.Valid() {
		fail(c, problem.New(problem.NotFound, "orders call no such service"))
		return "", false
	}
	if err := httpserver.Bind(c, body); err != nil {
		fail(c, err)
		return "", false
	}
	return string(name), true
}
