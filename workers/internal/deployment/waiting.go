package deployment

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"orderflow/workflows/contract"
)

// MoveWaiting pins the orders that wait for somebody (blocked, on hold, or for
// a customer's fix) to the version, if they are on one that was first seen
// earlier, and returns their IDs. Their next workflow task replays their
// history there. It rests on the replay tests: the new code comes to the same
// commands for every history of the code before. Nothing promises the
// opposite, so no order is moved to an older version.
//
// An order that is under way stays where it is, and so does one that begins to
// wait later: call it again. An order that cannot be moved does not keep the
// others from it; the error tells of all such.
func (d *Deployment) MoveWaiting(ctx context.Context, buildID string) (moved []string, err error) {
	older, err := d.olderThan(ctx, buildID)
	if err != nil || len(older) == 0 {
		return nil, err
	}
	waiting, err := d.waitingOn(ctx, older)
	if err != nil {
		return nil, err
	}
	var failures []error
	for _, order := range waiting {
		switch err := d.pin(ctx, order, buildID); {
		case isNotFound(err): // it has ended meanwhile
		case err != nil:
			failures = append(failures, fmt.Errorf("moving %s to %s: %w", order, d.version(buildID), err))
		default:
			moved = append(moved, order)
		}
	}
	return moved, errors.Join(failures...)
}

// olderThan lists the versions that were first seen before this one.
func (d *Deployment) olderThan(ctx context.Context, buildID string) ([]Version, error) {
	all, err := d.Versions(ctx)
	if err != nil {
		return nil, err
	}
	var older []Version
	for _, known := range all { // the oldest comes first
		if known.BuildID == buildID {
			return older, nil
		}
		older = append(older, known.Version)
	}
	return nil, fmt.Errorf("%s is no version of the deployment", d.version(buildID))
}

// waitingOn lists the open orders on these versions that wait for somebody.
func (d *Deployment) waitingOn(ctx context.Context, versions []Version) ([]string, error) {
	quoted := make([]string, len(versions))
	for i, version := range versions {
		quoted[i] = "'" + version.String() + "'"
	}
	query := fmt.Sprintf("%s AND TemporalWorkerDeploymentVersion IN (%s) AND (%s = true OR %s IN (%s))",
		openOrders, strings.Join(quoted, ", "), contract.AttributeNeedsAttention, contract.AttributeOrderState, waitingStates)
	var waiting []string
	var page []byte
	for {
		found, err := d.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, NextPageToken: page})
		if err != nil {
			return nil, fmt.Errorf("listing waiting orders: %w", err)
		}
		for _, execution := range found.GetExecutions() {
			waiting = append(waiting, execution.GetExecution().GetWorkflowId())
		}
		if page = found.GetNextPageToken(); len(page) == 0 {
			return waiting, nil
		}
	}
}

// pin puts one order on the version until it ends or is moved again. An
// override that follows the current version would unpin it for good instead.
func (d *Deployment) pin(ctx context.Context, order, buildID string) error {
	_, err := d.client.UpdateWorkflowExecutionOptions(ctx, client.UpdateWorkflowExecutionOptionsRequest{
		WorkflowId: order,
		WorkflowExecutionOptionsChanges: client.WorkflowExecutionOptionsChanges{
			VersioningOverride: &client.VersioningOverrideChange{
				Value: &client.PinnedVersioningOverride{Version: d.version(buildID).temporal()},
			},
		},
	})
	return err
}

const (
	// openOrders finds the orders that have not ended.
	openOrders = "WorkflowType = '" + contract.PlaceOrder + "' AND ExecutionStatus = 'Running'"
	// waitingStates are the values of OrderState under which the story of an
	// order goes on only when somebody says so.
	waitingStates = "'" + string(contract.SagaBlocked) + "', '" + contract.StateHeld + "', '" + contract.StateWaiting + "'"
)
