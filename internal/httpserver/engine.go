package httpserver

import (
	"context"
	"math/rand/v2"
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/internal/faults"
	"orderflow/internal/problem"
	"orderflow/internal/telemetry"
)

// DefaultBodyLimit is the largest request body, in bytes, when Options gives
// none.
const DefaultBodyLimit = 1 << 20

// Options describe an engine.
type Options struct {
	// Name is the process's name, for spans and readiness.
	Name string
	// Telemetry receives logs, spans and metrics; nil discards them.
	Telemetry *telemetry.Telemetry
	// Faults are injected into every route that is added to the engine, but
	// not into health, readiness and metrics.
	Faults faults.Spec
	// SwitchFaults adds FaultsPath, where the faults can be replaced while the
	// process runs. It is not for engines that strangers reach.
	SwitchFaults bool
	// Random draws the faults, numbers in [0, 1); nil is a random source. It
	// is called from many goroutines.
	Random func() float64
	// BodyLimit is the largest request body in bytes; 0 is DefaultBodyLimit.
	BodyLimit int64
	// BodyLimits are those of single routes, by their path in Gin's form, such as
	// /v1/orders/:orderId.
	BodyLimits map[string]int64
	// Checks say by name what must work before the process is ready. The error
	// is shown at /readyz: it names no secret.
	Checks map[string]func(context.Context) error
	// Public is set where strangers send requests: headers that our processes
	// use among themselves are then not believed.
	Public bool
	// HideInsight keeps from whoever sends requests what goes on inside: /metrics
	// is not there, and /readyz is a yes or no, without the reasons.
	HideInsight bool
}

// NewEngine returns an engine without routes but /healthz, /readyz and
// /metrics. What is wrong with a request before it reaches a route is answered
// as a problem: 404, 405, 413 and 431.
//
// Paths are matched as they were sent: an encoded slash stays inside its
// segment and cannot lead to another route, and no path is redirected to a
// similar one. Headers about the client's address are not believed.
func NewEngine(o Options) *gin.Engine {
	if o.Telemetry == nil {
		o.Telemetry = telemetry.Discard()
	}
	if o.BodyLimit <= 0 {
		o.BodyLimit = DefaultBodyLimit
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	// The mode is global in Gin, and the other modes print to standard output.
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	engine.RedirectTrailingSlash = false
	engine.RedirectFixedPath = false
	engine.UseRawPath = true
	engine.UnescapePathValues = true
	engine.ForwardedByClientIP = false
	// Cannot fail without proxies to parse.
	_ = engine.SetTrustedProxies(nil)

	// The order matters: a route has the middleware that was there before it,
	// so probes meet neither faults nor limits.
	addProbes(engine.Group("", recoverPanics(o.Telemetry.Log)), o)

	engine.Use(observe(o), recoverPanics(o.Telemetry.Log), limitRequest(o.BodyLimit, o.BodyLimits))
	addFaults(engine, o)
	engine.NoRoute(func(c *gin.Context) {
		if o.Public {
			// Strangers learn no difference between a path and a thing.
			Fail(c, problem.New(problem.NotFound, "nothing is at this path"))
			return
		}
		Fail(c, problem.New(problem.NoRoute, "nothing is at this path"))
	})
	engine.NoMethod(func(c *gin.Context) {
		Fail(c, problem.Newf(problem.MethodNotAllowed, "the method %s is not allowed here", c.Request.Method))
	})
	return engine
}

// MaxHeaderBytes is how much a request's header fields may have together,
// names and values; more is answered 431.
const MaxHeaderBytes = 32 << 10

// limitRequest refuses what is too large. A body of unknown length is cut off
// at the limit, which Bind answers with 413.
func limitRequest(general int64, routes map[string]int64) gin.HandlerFunc {
	return func(c *gin.Context) {
		r := c.Request
		bodyLimit, own := routes[c.FullPath()]
		if !own {
			bodyLimit = general
		}
		if headerBytes(r) > MaxHeaderBytes {
			c.Abort()
			Fail(c, problem.Newf(problem.HeadersTooLarge, "the headers are larger than %d bytes", MaxHeaderBytes))
			return
		}
		if r.ContentLength > bodyLimit {
			c.Abort()
			Fail(c, bodyTooLarge(bodyLimit))
			return
		}
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = http.MaxBytesReader(c.Writer, r.Body, bodyLimit)
		}
	}
}

func headerBytes(r *http.Request) int {
	total := len(r.RequestURI)
	for name, values := range r.Header {
		for _, value := range values {
			total += len(name) + len(value)
		}
	}
	return total
}

func bodyTooLarge(limit int64) *problem.Error {
	return problem.Newf(problem.TooLarge, "the body is larger than %d bytes", limit)
}
