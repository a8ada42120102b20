package api_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/gateway/internal/fleet"
	"orderflow/internal/discovery"
	"orderflow/internal/resilience"
	"orderflow/internal/rpc"
)

type fakeFleet struct {
	reports   fleet.Reports
	instances fleet.Instances
}

func (f *fakeFleet) Guards(context.Context) fleet.Reports      { return f.reports }
func (f *fakeFleet) Instances(context.Context) fleet.Instances { return f.instances }

var (
	firstWorker  = fleet.Process{Service: "workers", Instance: "workers-1"}
	secondWorker = fleet.Process{Service: "workers", Instance: "workers-2"}
	silent       = []fleet.Unavailable{{Process: secondWorker, Reason: "it did not answer in time"}}
)

// reported is a worker whose calls to payment are held back.
func reported() fleet.Reports {
	return fleet.Reports{
		Reports: []fleet.Report{{Process: firstWorker, Guards: []rpc.Snapshot{{Service: "payment", Snapshot: resilience.Snapshot{
			Target: "payment",
			Breaker: resilience.BreakerStats{
				State: resilience.Open, RemainingOpen: resilience.Seconds(12500 * time.Millisecond),
				Counts: resilience.Counts{Requests: 7, Failures: 6, ConsecutiveFailures: 5}, Refused: 31, SlowCalls: 2,
			},
			Bulkheads: []resilience.BulkheadStats{
				{
					Purpose: resilience.Forward, Current: 10, MaxConcurrent: 10, Queued: 3, MaxQueue: 20,
					Admitted: 811, Rejected: 4, Abandoned: 1, Waited: 37, Wait: resilience.Seconds(2125 * time.Millisecond),
				},
				{Purpose: resilience.Compensation, MaxConcurrent: 5, MaxQueue: 10},
			},
			RetryBudget:        resilience.RetryBudgetStats{Tokens: 4.25, Calls: 120, Retries: 9, Refused: 3},
			CompensationBudget: resilience.RetryBudgetStats{Tokens: 10, Calls: 4},
		}}}}},
		Unavailable: silent,
	}
}

func (g *gateway) ops(path string) string {
	g.t.Helper()
	answer := g.send(request{method: http.MethodGet, path: path, token: g.eve()})
	require.Equal(g.t, http.StatusOK, answer.Code, answer.Body.String())
	return answer.Body.String()
}

func TestBreakersOfAllProcessesAreListedWithWhoIsMissing(t *testing.T) {
	g := newGateway(t)
	g.fleet.reports = reported()
	assert.JSONEq(t, `{
		"items": [{
			"process": "workers", "instance": "workers-1", "target": "payment",
			"state": "open", "remainingOpenSeconds": 12.5, "requests": 7, "failures": 6,
			"consecutiveFailures": 5, "consecutiveSuccesses": 0, "refused": 31, "slowCalls": 2,
			"retryBudget": {"tokens": 4.25, "calls": 120, "retries": 9, "refused": 3},
			"compensationRetryBudget": {"tokens": 10, "calls": 4, "retries": 0, "refused": 0}
		}],
		"unavailable": [{"process": "workers", "instance": "workers-2", "reason": "it did not answer in time"}]
	}`, g.ops("/v1/ops/breakers"))
}

func TestBulkheadsAreListedByPurpose(t *testing.T) {
	g := newGateway(t)
	g.fleet.reports = reported()
	assert.JSONEq(t, `{
		"items": [{
			"process": "workers", "instance": "workers-1", "target": "payment", "purpose": "forward",
			"current": 10, "max": 10, "queued": 3, "maxQueue": 20,
			"admitted": 811, "rejected": 4, "abandoned": 1, "waited": 37, "waitSeconds": 2.125
		}, {
			"process": "workers", "instance": "workers-1", "target": "payment", "purpose": "compensation",
			"current": 0, "max": 5, "queued": 0, "maxQueue": 10,
			"admitted": 0, "rejected": 0, "abandoned": 0, "waited": 0, "waitSeconds": 0
		}],
		"unavailable": [{"process": "workers", "instance": "workers-2", "reason": "it did not answer in time"}]
	}`, g.ops("/v1/ops/bulkheads"))
}

func TestInstancesAreListedWithWhatTheirCallersKnow(t *testing.T) {
	g := newGateway(t)
	at := discovery.Instance{
		ID: "payment-1", Name: "payment", Host: "10.0.0.7", Port: 80, Version: "v1",
		Tags: []string{"eu"}, Metadata: map[string]string{"zone": "a"},
	}
	until := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	g.fleet.instances = fleet.Instances{Instances: []fleet.Instance{
		{Instance: at, Health: fleet.Passing, Callers: []fleet.Caller{{Process: firstWorker, InstanceStatus: discovery.InstanceStatus{
			Instance: at, InFlight: 2, ConsecutiveFailures: 3, Ejected: true, EjectedUntil: until, Ejections: 1,
		}}}},
		{Instance: discovery.Instance{ID: "order-1", Name: "order", Host: "10.0.0.8", Port: 80}, Health: fleet.Failing},
	}}
	assert.JSONEq(t, `{
		"items": [{
			"service": "payment", "instance": "payment-1", "address": "10.0.0.7:80", "version": "v1",
			"tags": ["eu"], "metadata": {"zone": "a"}, "health": "passing",
			"callers": [{
				"process": "workers", "instance": "workers-1", "inFlight": 2, "consecutiveFailures": 3, "unreachable": false,
				"ejected": true, "ejectedUntil": "2026-11-23T12:00:00Z", "ejections": 1
			}]
		}, {"service": "order", "instance": "order-1", "address": "10.0.0.8:80", "health": "failing", "callers": []}],
		"unavailable": []
	}`, g.ops("/v1/ops/instances"))
}

func TestWhenNobodyAnswersTheListsAreEmpty(t *testing.T) {
	g := newGateway(t)
	for _, path := range []string{"/v1/ops/breakers", "/v1/ops/bulkheads", "/v1/ops/instances"} {
		assert.JSONEq(t, `{"items":[],"unavailable":[]}`, g.ops(path))
	}
}
