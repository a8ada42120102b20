package dependencies

import (
	"cmp"
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"
	"golang.org/x/sync/errgroup"

	"orderflow/gateway/internal/workflowclient"
	"orderflow/internal/problem"
	"orderflow/workflows/contract"
)

// Timeouts bound the calls to Temporal. A zero field takes its default.
type Timeouts struct {
	// Begin bounds the start of a hold. Default 5 s.
	Begin time.Duration
	// Find bounds a look at one service's hold. Default 1 s.
	Find time.Duration
	// Count bounds the question how many orders wait, which needs a live
	// worker. Default 500 ms.
	Count time.Duration
	// Release bounds the decision on a release, which needs a live worker.
	// Default contract.AnswerTimeout.
	Release time.Duration
}

func (t Timeouts) withDefaults() Timeouts {
	return Timeouts{
		Begin:   cmp.Or(t.Begin, 5*time.Second),
		Find:    cmp.Or(t.Find, time.Second),
		Count:   cmp.Or(t.Count, 500*time.Millisecond),
		Release: cmp.Or(t.Release, contract.AnswerTimeout),
	}
}

// Holds reaches the holds of services. It is safe for concurrent use.
type Holds struct {
	workflows *workflowclient.Client
	timeouts  Timeouts
}

// New returns the holds on a Temporal server. The converter must be the
// client's own; nil is the SDK's default, as it is for the client.
func New(temporal workflowclient.Temporal, dataConverter converter.DataConverter, timeouts Timeouts) *Holds {
	return &Holds{
		workflows: workflowclient.New(temporal, dataConverter, workflowclient.Wording{
			Missing: "the service is not on hold",
			Away:    "holds cannot be read or changed at the moment",
		}),
		timeouts: timeouts.withDefaults(),
	}
}

// Dependency is a service that sagas call, by its name in the registry.
type Dependency struct {
	Service string
	// Hold is nil unless the service is on hold.
	Hold *Hold
}

// Hold says since when no order calls a service, who wanted that, and why.
type Hold struct {
	Since  time.Time
	By     string
	Reason string
	// Waiting is how many orders wait for the release; nil when no worker
	// answers.
	Waiting *int
}

// List returns every service that sagas call, in the order in which an order
// meets them. It does not lag: a hold that has begun is in it.
// problem.Unavailable when Temporal does not answer.
func (h *Holds) List(ctx context.Context) ([]Dependency, error) {
	services := Services()
	all := make([]Dependency, len(services))
	looking, ctx := errgroup.WithContext(ctx)
	for i, service := range services {
		looking.Go(func() error {
			hold, err := h.find(ctx, contract.HoldID(queueOf[service]))
			all[i] = Dependency{Service: service, Hold: hold}
			return err
		})
	}
	return all, looking.Wait()
}

// find returns nil when the service is not on hold.
func (h *Holds) find(ctx context.Context, id string) (*Hold, error) {
	ctx, cancel := context.WithTimeout(ctx, h.timeouts.Find)
	defer cancel()
	begun, err := h.begun(ctx, id)
	switch {
	case problem.CodeOf(err) == problem.NotFound:
		return nil, nil
	case begun == nil || err != nil:
		return nil, err
	}
	return &Hold{Since: begun.Since, By: begun.RequestedBy, Reason: begun.Reason, Waiting: h.count(ctx, id)}, nil
}

// begun returns what a hold that is on was begun with, nil of one that has
// ended.
func (h *Holds) begun(ctx context.Context, id string) (*contract.HoldInput, error) {
	info, err := h.workflows.Describe(ctx, id)
	if err != nil || info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return nil, err
	}
	begun := new(contract.HoldInput)
	return begun, h.workflows.Input(ctx, id, info.GetExecution().GetRunId(), begun)
}

// count returns how many orders wait, nil when nobody can say.
func (h *Holds) count(ctx context.Context, id string) *int {
	ctx, cancel := context.WithTimeout(ctx, h.timeouts.Count)
	defer cancel()
	var status contract.HoldStatus
	if err := h.workflows.Query(ctx, id, contract.QueryHold, &status); err != nil {
		return nil
	}
	return &status.Waiting
}
