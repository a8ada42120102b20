package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/auth"
	"orderflow/gateway/internal/dependencies"
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

// dependency is a service that sagas call.
type dependency struct {
	Service string       `json:"service"`
	Hold    *serviceHold `json:"hold,omitempty"`
}

// serviceHold is there while no order calls the service.
type serviceHold struct {
	Since  time.Time `json:"since"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	// Waiting is absent when no worker answers.
	Waiting *int `json:"waiting,omitempty"`
}

func dependencyOf(found dependencies.Dependency) dependency {
	shown := dependency{Service: found.Service}
	if hold := found.Hold; hold != nil {
		shown.Hold = &serviceHold{Since: hold.Since, By: hold.By, Reason: hold.Reason, Waiting: hold.Waiting}
	}
	return shown
}

// listDependencies is GET /v1/ops/dependencies.
func (a *API) listDependencies(c *gin.Context) {
	found, err := a.Holds.List(c.Request.Context())
	if err != nil {
		fail(c, err)
		return
	}
	items := make([]dependency, len(found))
	for i, each := range found {
		items[i] = dependencyOf(each)
	}
	httpserver.Respond(c, http.StatusOK, gin.H{"items": items})
}

// holdDependency is POST /v1/ops/dependencies/{service}/hold.
func (a *API) holdDependency(c *gin.Context) {
	ctx := c.Request.Context()
	var body reasonBody
	service, ok := bindDependency(c, &body)
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

// release answers a release: how many orders go on, and how many of them each
// second at most.
type release struct {
	Service   string `json:"service"`
	Waiting   int    `json:"waiting"`
	PerSecond int    `json:"perSecond"`
}

// releaseDependency is POST /v1/ops/dependencies/{service}/release.
func (a *API) releaseDependency(c *gin.Context) {
	ctx := c.Request.Context()
	var body releaseBody
	service, ok := bindDependency(c, &body)
	if !ok {
		return
	}
	released, err := a.Holds.Release(ctx, service, body.request(auth.PrincipalOf(ctx).Subject))
	if err != nil {
		fail(c, err)
		return
	}
	httpserver.Respond(c, http.StatusAccepted, release{Service: service, Waiting: released.Waiting, PerSecond: released.PerSecond})
}

// bindDependency reads the body of a request about a service that sagas call.
// Otherwise it has answered.
func bindDependency(c *gin.Context, body any) (service string, ok bool) {
	service = c.Param("service")
	if !dependencies.IsService(service) {
		fail(c, problem.New(problem.NotFound, "orders call no such service"))
		return "", false
	}
	if err := httpserver.Bind(c, body); err != nil {
		fail(c, err)
		return "", false
	}
	return service, true
}
