package placement

import (
	"cmp"
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"orderflow/gateway/internal/workflowclient"
	"orderflow/workflows/contract"
)

// Temporal is what this package needs of a Temporal client; client.Client has
// it.
type Temporal interface {
	workflowclient.Temporal
	Visibility
}

// Visibility is Temporal's store of what workflows there are.
type Visibility interface {
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
	// Default contract.AnswerTimeout: Temporal delivers a task again that got lost
	// with its worker.
	Decision time.Duration
	// List bounds the reading of a list of workflows. Default 2 s.
	List time.Duration
}

func (t Timeouts) withDefaults() Timeouts {
	return Timeouts{
		Start:    cmp.Or(t.Start, 5*time.Second),
		Find:     cmp.Or(t.Find, time.Second),
		Progress: cmp.Or(t.Progress, 500*time.Millisecond),
		Decision: cmp.Or(t.Decision, contract.AnswerTimeout),
		List:     cmp.Or(t.List, 2*time.Second),
	}
}

// Placements reaches the workflows of orders. It is safe for concurrent use.
type Placements struct {
	workflows  *workflowclient.Client
	visibility Visibility
	timeouts   Timeouts
}

// New returns the placements on a Temporal server. The converter must be the
// client's own; nil is the SDK's default, as it is for the client.
func New(temporal Temporal, dataConverter converter.DataConverter, timeouts Timeouts) *Placements {
	return &Placements{
		workflows: workflowclient.New(temporal, dataConverter, workflowclient.Wording{
			Missing: "there is no such order",
			Away:    "the processing of orders is temporarily unavailable",
		}),
		visibility: temporal,
		timeouts:   timeouts.withDefaults(),
	}
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

	info, err := p.workflows.Describe(ctx, orderID)
	if err != nil {
		return Found{}, err
	}
	found := Found{State: stateOf(info.GetStatus())}
	if start := info.GetStartTime(); start != nil {
		found.StartedAt = start.AsTime()
	}
	for key, target := range map[string]*string{
		contract.MemoCustomerID:  &found.CustomerID,
		contract.MemoRequestHash: &found.RequestHash,
	} {
		if err := p.workflows.Memo(info, key, target); err != nil {
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
	err := p.workflows.Input(ctx, orderID, "", &input)
	return input, err
}

// Progress asks a running saga how far it is. problem.Unavailable when no
// worker answers in time.
func (p *Placements) Progress(ctx context.Context, orderID string) (contract.Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeouts.Progress)
	defer cancel()

	var progress contract.Progress
	err := p.workflows.Query(ctx, orderID, contract.QueryProgress, &progress)
	return progress, err
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
