package dependencies

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"golang.org/x/sync/errgroup"

	"orderflow/internal/problem"
	"orderflow/workflows/contract"
)

// Temporal is what this package needs of a Temporal client; client.Client has
// it.
type Temporal interface {
	ExecuteWorkflow(ctx context.Context, options client.StartWorkflowOptions, workflow any, args ...any) (client.WorkflowRun, error)
	DescribeWorkflowExecution(ctx context.Context, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error)
	GetWorkflowHistory(ctx context.Context, workflowID, runID string, isLongPoll bool, filter enumspb.HistoryEventFilterType) client.HistoryEventIterator
	QueryWorkflow(ctx context.Context, workflowID, runID, queryType string, args ...any) (converter.EncodedValue, error)
	UpdateWorkflow(ctx context.Context, options client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error)
}

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
	// Default 3 s.
	Release time.Duration
}

func (t Timeouts) withDefaults() Timeouts {
	for _, field := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&t.Begin, 5 * time.Second},
		{&t.Find, time.Second},
		{&t.Count, 500 * time.Millisecond},
		{&t.Release, 3 * time.Second},
	} {
		if *field.value <= 0 {
			*field.value = field.fallback
		}
	}
	return t
}

// retryAfter is what a client is told to wait when Temporal does not answer.
const retryAfter = 2 * time.Second

// Holds reaches the holds of services. It is safe for concurrent use.
type Holds struct {
	temporal  Temporal
	converter converter.DataConverter
	timeouts  Timeouts
}

// New returns the holds on a Temporal server. The converter must be the
// client's own; nil is the SDK's default, as it is for the client.
func New(temporal Temporal, dataConverter converter.DataConverter, timeouts Timeouts) *Holds {
	if dataConverter == nil {
		dataConverter = converter.GetDefaultDataConverter()
	}
	return &Holds{temporal: temporal, converter: dataConverter, timeouts: timeouts.withDefaults()}
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
	run, err := h.open(ctx, id)
	if run == "" || err != nil {
		return nil, err
	}
	history := h.temporal.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !history.HasNext() {
		return nil, nil
	}
	first, err := history.Next()
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, unavailable(fmt.Errorf("reading %s: %w", id, err))
	}
	var begun contract.HoldInput
	if err := h.converter.FromPayloads(first.GetWorkflowExecutionStartedEventAttributes().GetInput(), &begun); err != nil {
		return nil, fmt.Errorf("decoding the input of %s: %w", id, err)
	}
	return &Hold{Since: begun.Since, By: begun.RequestedBy, Reason: begun.Reason, Waiting: h.count(ctx, id)}, nil
}

// open returns the run of a hold that is on, "" of one that is not.
func (h *Holds) open(ctx context.Context, id string) (run string, err error) {
	description, err := h.temporal.DescribeWorkflowExecution(ctx, id, "")
	switch info := description.GetWorkflowExecutionInfo(); {
	case isNotFound(err):
		return "", nil
	case err != nil:
		return "", unavailable(fmt.Errorf("looking for %s: %w", id, err))
	case info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
		return "", nil
	default:
		return info.GetExecution().GetRunId(), nil
	}
}

// count returns how many orders wait, nil when nobody can say.
func (h *Holds) count(ctx context.Context, id string) *int {
	ctx, cancel := context.WithTimeout(ctx, h.timeouts.Count)
	defer cancel()
	answer, err := h.temporal.QueryWorkflow(ctx, id, "", contract.QueryHold)
	if err != nil {
		return nil
	}
	var status contract.HoldStatus
	if err := answer.Get(&status); err != nil {
		return nil
	}
	return &status.Waiting
}

func unavailable(err error) *problem.Error {
	return problem.New(problem.Unavailable, "holds cannot be read or changed at the moment").
		WithRetryAfter(retryAfter).WithCause(err)
}

func isNotFound(err error) bool {
	var notFound *serviceerror.NotFound
	return errors.As(err, &notFound)
}
