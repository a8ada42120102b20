package api

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/fleet"
	"orderflow/gateway/internal/openapiserver"
	"orderflow/internal/httpserver"
)

// Fleet asks the product's processes what they know; *fleet.Fleet does it.
type Fleet interface {
	Guards(ctx context.Context) fleet.Reports
	Instances(ctx context.Context) fleet.Instances
}

// missing are the processes that did not answer.
func missing(found []fleet.Unavailable) []openapiserver.UnavailableProcess {
	shown := make([]openapiserver.UnavailableProcess, 0, len(found))
	for _, each := range found {
		shown = append(shown, openapiserver.UnavailableProcess{
			Process: each.Service, Instance: each.Instance, Reason: each.Reason,
		})
	}
	return shown
}

// ListBreakers is GET /v1/ops/breakers.
func (a *API) ListBreakers(c *gin.Context) {
	found := a.Fleet.Guards(c.Request.Context())
	shown := openapiserver.BreakerList{Items: []openapiserver.Breaker{}, Unavailable: missing(found.Unavailable)}
	for _, report := range found.Reports {
		for _, guard := range report.Guards {
			counts := guard.Breaker.Counts
			shown.Items = append(shown.Items, openapiserver.Breaker{
				Process: report.Service, Instance: report.Instance, Target: guard.Target,
				State: guard.Breaker.State, RemainingOpenSeconds: guard.Breaker.RemainingOpen,
				Requests: int64(counts.Requests), Failures: int64(counts.Failures),
				ConsecutiveFailures: int64(counts.ConsecutiveFailures), ConsecutiveSuccesses: int64(counts.ConsecutiveSuccesses),
				Refused: int64(guard.Breaker.Refused), SlowCalls: int64(guard.Breaker.SlowCalls),
				RetryBudget: guard.RetryBudget, CompensationRetryBudget: guard.CompensationBudget,
			})
		}
	}
	httpserver.Respond(c, http.StatusOK, shown)
}

// ListBulkheads is GET /v1/ops/bulkheads.
func (a *API) ListBulkheads(c *gin.Context) {
	found := a.Fleet.Guards(c.Request.Context())
	shown := openapiserver.BulkheadList{Items: []openapiserver.Bulkhead{}, Unavailable: missing(found.Unavailable)}
	for _, report := range found.Reports {
		for _, guard := range report.Guards {
			for _, pool := range guard.Bulkheads {
				shown.Items = append(shown.Items, openapiserver.Bulkhead{
					Process: report.Service, Instance: report.Instance, Target: guard.Target, Purpose: pool.Purpose,
					Current: pool.Current, Max: pool.MaxConcurrent, Queued: pool.Queued, MaxQueue: pool.MaxQueue,
					Admitted: int64(pool.Admitted), Rejected: int64(pool.Rejected), Abandoned: int64(pool.Abandoned),
					Waited: int64(pool.Waited), WaitSeconds: pool.Wait,
				})
			}
		}
	}
	httpserver.Respond(c, http.StatusOK, shown)
}

// ListInstances is GET /v1/ops/instances.
func (a *API) ListInstances(c *gin.Context) {
	found := a.Fleet.Instances(c.Request.Context())
	shown := openapiserver.InstanceList{Items: []openapiserver.ServiceInstance{}, Unavailable: missing(found.Unavailable)}
	for _, instance := range found.Instances {
		row := openapiserver.ServiceInstance{
			Service: instance.Name, Instance: instance.ID, Address: instance.Addr(), Version: instance.Version,
			Tags: instance.Tags, Metadata: instance.Metadata, Health: instance.Health, Callers: []openapiserver.InstanceCaller{},
		}
		for _, caller := range instance.Callers {
			row.Callers = append(row.Callers, openapiserver.InstanceCaller{
				Process: caller.Service, Instance: caller.Process.Instance,
				InFlight: caller.InFlight, ConsecutiveFailures: int(caller.ConsecutiveFailures),
				Unreachable: caller.Unreachable, Ejected: caller.Ejected, EjectedUntil: caller.EjectedUntil, Ejections: int64(caller.Ejections),
			})
		}
		shown.Items = append(shown.Items, row)
	}
	httpserver.Respond(c, http.StatusOK, shown)
}
