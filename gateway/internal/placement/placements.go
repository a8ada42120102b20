package placement

import (
	"context"
	"errors"
	"fmt"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

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
	ListWorkflow(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error)
	CountWorkflow(ctx context.Context, request *workflowservice.CountWorkflowExecutionsRequest) (*workflowservice.CountWorkflowExecutionsResponse, error)
}

// Timeouts bound the calls to Temporal. A zero field takes its default.
type Timeouts struct {
	// Start bounds one of two attempts to start a workflow. The SDK gives one
	// call half of a deadline, to have time for another, but does not repeat a
	// call that ran into it: half is what an attempt really takes. Default 5 s.
	Start time.Duration
	// Find bounds a look at a workflow, and at its history. Default 1 s.
	Find time.Duration
	// Progress bounds the query for a running saga's progress, which needs a
	// live worker. Default 500 ms.
	Progress time.Duration
	// Decision bounds the decision on a message, which needs a live worker.
	// Default 3 s.
	Decision time.Duration
	// List bounds the reading of a list of workflows. Default 2 s.
	List time.Duration
}

func (t Timeouts) withDefaults() Timeouts {
	for _, field := range []struct {
		value    *time.Duration
		fallback time.Duration
	}{
		{&t.Start, 5 * time.Second},
		{&t.Find, time.Second},
		{&t.Progress, 500 * time.Millisecond},
		{&t.Decision, 3 * time.Second},
		{&t.List, 2 * time.Second},
	} {
		if *field.value <= 0 {
			*field.value = field.fallback
		}
	}
	return t
}

// retryAfter is what a client is told to wait when Temporal does not answer.
const retryAfter = 2 * time.Second

// Placements reaches the workflows of orders. It is safe for concurrent use.
type Placements struct {
	temporal  Temporal
	converter converter.DataConverter
	timeouts  Timeouts
}

// New returns the placements on a Temporal server. The converter must be the
// client's own; nil is the SDK's default, as it is for the client.
func New(temporal Temporal, dataConverter converter.DataConverter, timeouts Timeouts) *Placements {
	if dataConverter == nil {
		dataConverter = converter.GetDefaultDataConverter()
	}
	return &Placements{temporal: temporal, converter: dataConverter, timeouts: timeouts.withDefaults()}
}

// Found is what Temporal knows of a placement without asking a worker.
type Found struct {
	CustomerID  string
	RequestHash string
	StartedAt   time.Time
	// State is SagaRunning while the workflow is open, though it may be
	// compensating or blocked, and the final state after it. A workflow that
	// was ended from outside is SagaBlocked: an operator must look at it.
	State contract.SagaState
}

// Find looks a placement up. problem.NotFound when Temporal does not have it,
// or not any more; problem.Unavailable when nobody can say.
func (p *Placements) Find(ctx context.Context, orderID string) (Found, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeouts.Find)
	defer cancel()

	description, err := p.temporal.DescribeWorkflowExecution(ctx, orderID, "")
	if err != nil {
		return Found{}, lookupError("looking up the order's workflow", err)
	}
	info := description.GetWorkflowExecutionInfo()
	found := Found{State: stateOf(info.GetStatus())}
	if start := info.GetStartTime(); start != nil {
		found.StartedAt = start.AsTime()
	}
	for key, target := range map[string]*string{
		contract.MemoCustomerID:  &found.CustomerID,
		contract.MemoRequestHash: &found.RequestHash,
	} {
		if err := p.decodeMemo(info.GetMemo(), key, target); err != nil {
			return Found{}, err
		}
	}
	return found, nil
}

// Input returns what a placement was started with. Errors as for Find.
func (p *Placements) Input(ctx context.Context, orderID string) (contract.PlaceOrderInput, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeouts.Find)
	defer cancel()

	var input contract.PlaceOrderInput
	history := p.temporal.GetWorkflowHistory(ctx, orderID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !history.HasNext() {
		return input, problem.New(problem.NotFound, "there is no such order")
	}
	first, err := history.Next()
	if err != nil {
		return input, lookupError("reading the order's workflow", err)
	}
	started := first.GetWorkflowExecutionStartedEventAttributes()
	if err := p.converter.FromPayloads(started.GetInput(), &input); err != nil {
		return input, fmt.Errorf("decoding the workflow's input: %w", err)
	}
	return input, nil
}

// Progress asks a running saga how far it is. problem.Unavailable when no
// worker answers in time.
func (p *Placements) Progress(ctx context.Context, orderID string) (contract.Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeouts.Progress)
	defer cancel()

	var progress contract.Progress
	answer, err := p.temporal.QueryWorkflow(ctx, orderID, "", contract.QueryProgress)
	if err != nil {
		return progress, lookupError("asking for the order's progress", err)
	}
	if err := answer.Get(&progress); err != nil {
		return progress, fmt.Errorf("decoding the order's progress: %w", err)
	}
	return progress, nil
}

func (p *Placements) decodeMemo(memo *commonpb.Memo, key string, target *string) error {
	payload, there := memo.GetFields()[key]
	if !there {
		return nil
	}
	if err := p.converter.FromPayload(payload, target); err != nil {
		return fmt.Errorf("decoding the workflow's memo %s: %w", key, err)
	}
	return nil
}

func stateOf(status enumspb.WorkflowExecutionStatus) contract.SagaState {
	switch status {
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return contract.SagaCompleted
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return contract.SagaCompensated
	case enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return contract.SagaBlocked
	default:
		return contract.SagaRunning
	}
}

// lookupError gives an error of Temporal the form of a problem.
func lookupError(doing string, err error) error {
	err = fmt.Errorf("%s: %w", doing, err)
	if isNotFound(err) {
		return problem.New(problem.NotFound, "there is no such order").WithCause(err)
	}
	return unavailable(err)
}

func unavailable(err error) *problem.Error {
	return problem.New(problem.Unavailable, "order placement is temporarily unavailable").
		WithRetryAfter(retryAfter).WithCause(err)
}

func isNotFound(err error) bool {
	var notFound *serviceerror.NotFound
	return errors.As(err, &notFound)
}
