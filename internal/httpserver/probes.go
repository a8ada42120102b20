package httpserver

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"orderflow/internal/problem"
)

// checkTimeout bounds all readiness checks of one request together.
const checkTimeout = 2 * time.Second

// Health is the body of /healthz and /readyz.
type Health struct {
	Name string `json:"name"`
	// Status is "ok", or "unready" when a check failed.
	Status string `json:"status"`
	// Checks has "ok" or the reason by the check's name.
	Checks map[string]string `json:"checks,omitempty"`
}

// The values of Health.Status.
const (
	StatusOK      = "ok"
	StatusUnready = "unready"
)

// addProbes adds the routes that machines watch. /healthz says only that the
// process answers: whoever restarts it on a failed check would do harm.
func addProbes(routes gin.IRoutes, o Options) {
	healthy := func(c *gin.Context) {
		Respond(c, http.StatusOK, Health{Name: o.Name, Status: StatusOK})
	}
	ready := func(c *gin.Context) {
		health := runChecks(c.Request.Context(), o.Checks)
		health.Name = o.Name
		if o.HideInsight {
			health.Checks = nil
		}
		status := http.StatusOK
		if health.Status != StatusOK {
			status = http.StatusServiceUnavailable
		}
		Respond(c, status, health)
	}
	metrics := gin.WrapH(promhttp.HandlerFor(o.Telemetry.Registry, promhttp.HandlerOpts{
		ErrorLog: zap.NewStdLog(o.Telemetry.Log),
	}))
	if o.HideInsight {
		metrics = func(c *gin.Context) { Fail(c, problem.New(problem.NotFound, "nothing is at this path")) }
	}
	for path, handler := range map[string]gin.HandlerFunc{
		"/healthz": healthy, "/readyz": ready, "/metrics": metrics,
	} {
		routes.GET(path, handler)
		routes.HEAD(path, handler)
	}
}

// runChecks runs all checks at once. One that does not return in time counts
// as failed and goes on alone.
func runChecks(ctx context.Context, checks map[string]func(context.Context) error) Health {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()

	health := Health{Status: StatusOK}
	if len(checks) == 0 {
		return health
	}
	var mu sync.Mutex
	results := make(map[string]string, len(checks))
	var running sync.WaitGroup
	for name, check := range checks {
		running.Go(func() {
			result := StatusOK
			if err := runCheck(ctx, check); err != nil {
				result = err.Error()
			}
			mu.Lock()
			defer mu.Unlock()
			results[name] = result
		})
	}
	running.Wait()
	for _, result := range results {
		if result != StatusOK {
			health.Status = StatusUnready
		}
	}
	health.Checks = results
	return health
}

func runCheck(ctx context.Context, check func(context.Context) error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if recovered := recover(); recovered != nil {
				done <- fmt.Errorf("panic: %v", recovered)
			}
		}()
		done <- check(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("no answer in time: %w", ctx.Err())
	}
}
