package api

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"orderflow/gateway/internal/fleet"
	"orderflow/internal/httpserver"
	"orderflow/internal/resilience"
)

// Fleet asks the product's processes what they know; *fleet.Fleet does it.
type Fleet interface {
	Guards(ctx context.Context) fleet.Reports
	Instances(ctx context.Context) fleet.Instances
}

// process is one process that makes guarded calls.
type process struct {
	Process  string `json:"process"`
	Instance string `json:"instance,omitempty"`
}

func processOf(p fleet.Process) process { return process{Process: p.Service, Instance: p.Instance} }

// unavailable is a process whose figures are missing.
type unavailable struct {
	process
	Reason string `json:"reason"`
}

// breaker is the circuit breaker around the calls of one process to one target,
// and what it allows to be called again.
type breaker struct {
	process
	Target               string             `json:"target"`
	State                resilience.State   `json:"state"`
	RemainingOpen        resilience.Seconds `json:"remainingOpenSeconds"`
	Requests             uint32             `json:"requests"`
	Failures             uint32             `json:"failures"`
	ConsecutiveFailures  uint32             `json:"consecutiveFailures"`
	ConsecutiveSuccesses uint32             `json:"consecutiveSuccesses"`
	Refused              uint64             `json:"refused"`
	SlowCalls            uint64             `json:"slowCalls"`

	RetryBudget             resilience.RetryBudgetStats `json:"retryBudget"`
	CompensationRetryBudget resilience.RetryBudgetStats `json:"compensationRetryBudget"`
}

// bulkhead is one pool of places for the calls of one process to one target.
type bulkhead struct {
	process
	Target   string             `json:"target"`
	Purpose  resilience.Purpose `json:"purpose"`
	Current  int                `json:"current"`
	Max      int                `json:"max"`
	Queued   int                `json:"queued"`
	MaxQueue int                `json:"maxQueue"`
	Admitted uint64             `json:"admitted"`
	Rejected uint64             `json:"rejected"`
	// Abandoned are calls that were given up in the queue.
	Abandoned uint64             `json:"abandoned"`
	Waited    uint64             `json:"waited"`
	Wait      resilience.Seconds `json:"waitSeconds"`
}

// serviceInstance is one process of a service, and what its callers know of it.
type serviceInstance struct {
	Service  string            `json:"service"`
	Instance string            `json:"instance"`
	Address  string            `json:"address"`
	Version  string            `json:"version,omitempty"`
	Tags     []string          `json:"tags,omitempty"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Health   fleet.Health      `json:"health"`
	Callers  []instanceCaller  `json:"callers"`
}

type instanceCaller struct {
	process
	InFlight            int64     `json:"inFlight"`
	ConsecutiveFailures int32     `json:"consecutiveFailures"`
	Unreachable         bool      `json:"unreachable"`
	Ejected             bool      `json:"ejected"`
	EjectedUntil        time.Time `json:"ejectedUntil,omitzero"`
	Ejections           uint64    `json:"ejections"`
}

// figures are items of all processes that answered, and who did not.
type figures[Item any] struct {
	Items       []Item        `json:"items"`
	Unavailable []unavailable `json:"unavailable"`
}

func figuresOf[Item any](missing []fleet.Unavailable) figures[Item] {
	f := figures[Item]{Items: []Item{}, Unavailable: []unavailable{}}
	for _, m := range missing {
		f.Unavailable = append(f.Unavailable, unavailable{process: processOf(m.Process), Reason: m.Reason})
	}
	return f
}

// listBreakers is GET /v1/ops/breakers.
func (a *API) listBreakers(c *gin.Context) {
	found := a.Fleet.Guards(c.Request.Context())
	shown := figuresOf[breaker](found.Unavailable)
	for _, report := range found.Reports {
		for _, guard := range report.Guards {
			counts := guard.Breaker.Counts
			shown.Items = append(shown.Items, breaker{
				process: processOf(report.Process), Target: guard.Target,
				State: guard.Breaker.State, RemainingOpen: guard.Breaker.RemainingOpen,
				Requests: counts.Requests, Failures: counts.Failures,
				ConsecutiveFailures: counts.ConsecutiveFailures, ConsecutiveSuccesses: counts.ConsecutiveSuccesses,
				Refused: guard.Breaker.Refused, SlowCalls: guard.Breaker.SlowCalls,
				RetryBudget: guard.RetryBudget, CompensationRetryBudget: guard.CompensationBudget,
			})
		}
	}
	httpserver.Respond(c, http.StatusOK, shown)
}

// listBulkheads is GET /v1/ops/bulkheads.
func (a *API) listBulkheads(c *gin.Context) {
	found := a.Fleet.Guards(c.Request.Context())
	shown := figuresOf[bulkhead](found.Unavailable)
	for _, report := range found.Reports {
		for _, guard := range report.Guards {
			for _, pool := range guard.Bulkheads {
				shown.Items = append(shown.Items, bulkhead{
					process: processOf(report.Process), Target: guard.Target, Purpose: pool.Purpose,
					Current: pool.Current, Max: pool.MaxConcurrent, Queued: pool.Queued, MaxQueue: pool.MaxQueue,
					Admitted: pool.Admitted, Rejected: pool.Rejected, Abandoned: pool.Abandoned, Waited: pool.Waited, Wait: pool.Wait,
				})
			}
		}
	}
	httpserver.Respond(c, http.StatusOK, shown)
}

// listInstances is GET /v1/ops/instances.
func (a *API) listInstances(c *gin.Context) {
	found := a.Fleet.Instances(c.Request.Context())
	shown := figuresOf[serviceInstance](found.Unavailable)
	for _, instance := range found.Instances {
		row := serviceInstance{
			Service: instance.Name, Instance: instance.ID, Address: instance.Addr(), Version: instance.Version,
			Tags: instance.Tags, Metadata: instance.Metadata, Health: instance.Health, Callers: []instanceCaller{},
		}
		for _, caller := range instance.Callers {
			row.Callers = append(row.Callers, instanceCaller{
				process: processOf(caller.Process), InFlight: caller.InFlight, ConsecutiveFailures: caller.ConsecutiveFailures,
				Unreachable: caller.Unreachable, Ejected: caller.Ejected, EjectedUntil: caller.EjectedUntil, Ejections: caller.Ejections,
			})
		}
		shown.Items = append(shown.Items, row)
	}
	httpserver.Respond(c, http.StatusOK, shown)
}
