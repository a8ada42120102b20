// Package workflowclient asks Temporal for one workflow at a time: starts it,
// looks at it, reads what it was started with, and brings it queries and
// updates. It is what the gateway's packages about single kinds of workflows
// have in common.
//
// Its errors are those of internal/problem where a client can do something
// about them. It sets no deadlines: the caller does, because Temporal's client
// otherwise retries for as long as its context lives. It knows no workflow.
package workflowclient

import (
	"context"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
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

// Wording is what clients are told, in the words of what the workflow stands
// for.
type Wording struct {
	// Missing is the detail of problem.NotFound: Temporal does not have the
	// workflow, or not any more.
	Missing string
	// Away is the detail of problem.Unavailable: Temporal, or for a query or an
	// update a worker, has not answered.
	Away string
}

// Client asks for workflows of one kind. It is safe for concurrent use.
type Client struct {
	temporal  Temporal
	converter converter.DataConverter
	wording   Wording
}

// New returns a client on a Temporal server. The converter must be the Temporal
// client's own; nil is the SDK's default, as it is for the client.
func New(temporal Temporal, dataConverter converter.DataConverter, wording Wording) *Client {
	if dataConverter == nil {
		dataConverter = converter.GetDefaultDataConverter()
	}
	return &Client{temporal: temporal, converter: dataConverter, wording: wording}
}

// Start starts a workflow of the type. The error is the server's: see
// IsAlreadyStarted and Unavailable.
func (c *Client) Start(ctx context.Context, options client.StartWorkflowOptions, workflow string, input any) error {
	if _, err := c.temporal.ExecuteWorkflow(ctx, options, workflow, input); err != nil {
		return fmt.Errorf("starting the workflow %s: %w", options.ID, err)
	}
	return nil
}

// Describe looks at the newest run of a workflow. problem.NotFound or
// problem.Unavailable.
func (c *Client) Describe(ctx context.Context, id string) (*workflowpb.WorkflowExecutionInfo, error) {
	description, err := c.temporal.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return nil, c.failed(fmt.Errorf("looking up the workflow %s: %w", id, err))
	}
	return description.GetWorkflowExecutionInfo(), nil
}

// Memo decodes one entry of a workflow's memo. It leaves target as it is when
// there is no such entry.
func (c *Client) Memo(info *workflowpb.WorkflowExecutionInfo, key string, target any) error {
	payload, there := info.GetMemo().GetFields()[key]
	if !there {
		return nil
	}
	if err := c.converter.FromPayload(payload, target); err != nil {
		return fmt.Errorf("decoding the workflow's memo %s: %w", key, err)
	}
	return nil
}

// Input decodes what a run was started with; an empty run is the newest.
// problem.NotFound or problem.Unavailable; any other error says that the input
// is none for the target.
func (c *Client) Input(ctx context.Context, id, run string, target any) error {
	history := c.temporal.GetWorkflowHistory(ctx, id, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !history.HasNext() {
		return c.failed(serviceerror.NewNotFound("the history of the workflow " + id + " is empty"))
	}
	first, err := history.Next()
	if err != nil {
		return c.failed(fmt.Errorf("reading the history of the workflow %s: %w", id, err))
	}
	if err := c.converter.FromPayloads(first.GetWorkflowExecutionStartedEventAttributes().GetInput(), target); err != nil {
		return fmt.Errorf("decoding the input of the workflow %s: %w", id, err)
	}
	return nil
}

// Query asks the newest run, which needs a live worker. Errors as for Input.
func (c *Client) Query(ctx context.Context, id, query string, target any) error {
	answer, err := c.temporal.QueryWorkflow(ctx, id, "", query)
	if err != nil {
		return c.failed(fmt.Errorf("asking the workflow %s for %s: %w", id, query, err))
	}
	if err := answer.Get(target); err != nil {
		return fmt.Errorf("decoding what the workflow %s says of %s: %w", id, query, err)
	}
	return nil
}

// Update is a message that a workflow decides.
type Update struct {
	WorkflowID string
	Name       string
	// ID makes two updates one: a run that has accepted an update of this ID
	// answers the next with the first one's result. Empty is an ID of its own.
	ID string
	// Request is the update's argument; nil is none.
	Request any
}

// Update sends a message and waits until the workflow has completed it, which
// needs a live worker. Its result is decoded into target unless that is nil.
//
//   - problem.NotFound: the workflow is closed, or was never there;
//   - problem.Unavailable: nobody decided in time. The update may still happen;
//   - an error that Refusal knows: the workflow does not want it.
func (c *Client) Update(ctx context.Context, update Update, target any) error {
	options := client.UpdateWorkflowOptions{
		WorkflowID:   update.WorkflowID,
		UpdateID:     update.ID,
		UpdateName:   update.Name,
		WaitForStage: client.WorkflowUpdateStageCompleted,
	}
	if update.Request != nil {
		options.Args = []any{update.Request}
	}
	handle, err := c.temporal.UpdateWorkflow(ctx, options)
	if err == nil {
		err = handle.Get(ctx, target)
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("sending %s to the workflow %s: %w", update.Name, update.WorkflowID, err)
	if _, refused := Refusal(err); refused {
		return err
	}
	return c.failed(err)
}
