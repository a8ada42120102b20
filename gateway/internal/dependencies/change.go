package dependencies

import (
	"context"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"orderflow/gateway/internal/workflowclient"
	"orderflow/internal/problem"
	"orderflow/workflows/contract"
)

// Begin puts a service on hold: within seconds no order calls it any more. It
// needs no live worker. Of the hold, Waiting is not read. Otherwise:
//
//   - problem.NotFound: sagas call no such service;
//   - problem.Conflict: it is on hold already;
//   - problem.Unavailable: Temporal did not answer in time. The service may be
//     on hold all the same; asking again is safe, and says so.
func (h *Holds) Begin(ctx context.Context, service string, hold Hold) error {
	queue, err := queueFor(service)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, h.timeouts.Begin)
	defer cancel()
	err = h.workflows.Start(ctx, holdOptions(service, queue), contract.HoldDependency, contract.HoldInput{
		Queue: queue, Reason: hold.Reason, RequestedBy: hold.By, Since: hold.Since,
	})
	switch {
	case err == nil:
		return nil
	case workflowclient.IsAlreadyStarted(err):
		return problem.New(problem.Conflict, "the service is on hold already").WithCause(err)
	default:
		return h.workflows.Unavailable(err)
	}
}

// holdOptions let a service be held as often as people want, but once at a
// time. There is no timeout: a hold lasts until somebody ends it.
func holdOptions(service, queue string) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                                       contract.HoldID(queue),
		TaskQueue:                                contract.QueueOrders,
		WorkflowTaskTimeout:                      contract.WorkflowTaskTimeout,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
		StaticSummary:                            "Hold: " + service,
		StaticDetails:                            details(service),
	}
}

// details say what the hold means; who wants it and why is in the current
// details.
func details(service string) string {
	return "While this workflow runs, no order calls the service **" + service + "**. " +
		"Steps that need it wait, with their clocks stopped; nothing fails.\n\n" +
		"To let them go on: `POST /v1/ops/dependencies/" + service + "/release` with a `reason` and, " +
		"if it should be faster or slower than " + fmt.Sprint(contract.DefaultReleaseRate) + " orders a second, `perSecond`. " +
		"Do not cancel or terminate this workflow: then those who wait are not told, and ask again after up to six hours."
}

// Released is what a release has begun.
type Released struct {
	// Waiting is how many orders go on.
	Waiting int
	// PerSecond is how many of them each second, at most.
	PerSecond int
}

// Release ends the hold of a service. New orders call it within seconds; those
// that wait go on at the request's pace. Otherwise:
//
//   - problem.NotFound: sagas call no such service;
//   - problem.Conflict: it is not on hold, or being released already;
//   - problem.Invalid: the workflow does not accept the request's values;
//   - problem.Unavailable: nobody decided in time. The service may be released
//     all the same; asking again is safe, and says so.
func (h *Holds) Release(ctx context.Context, service string, request contract.ReleaseRequest) (Released, error) {
	queue, err := queueFor(service)
	if err != nil {
		return Released{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, h.timeouts.Release)
	defer cancel()
	if request.PerSecond == 0 {
		request.PerSecond = contract.DefaultReleaseRate
	}
	var status contract.HoldStatus
	err = h.workflows.Update(ctx, workflowclient.Update{
		WorkflowID: contract.HoldID(queue), Name: contract.UpdateReleaseHold, Request: request,
	}, &status)
	if err != nil {
		return Released{}, releaseError(err)
	}
	return Released{Waiting: status.Waiting, PerSecond: request.PerSecond}, nil
}

func releaseError(err error) error {
	kind, _ := workflowclient.Refusal(err)
	switch {
	case kind == contract.ErrorNotHeld, problem.CodeOf(err) == problem.NotFound:
		return problem.New(problem.Conflict, "the service is not on hold").WithCause(err)
	case kind == contract.ErrorInvalidInput:
		return problem.New(problem.Invalid, "the hold's workflow does not accept these values").WithCause(err)
	default:
		return err
	}
}
