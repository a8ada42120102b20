package deployment

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/sdk/client"

	"orderflow/workflows/contract"
)

const (
	pollersInterval = 250 * time.Millisecond
	// pollIsOver is longer than a poll waits at the server, which is a minute:
	// a worker that was seen longer ago has gone.
	pollIsOver = 90 * time.Second
)

// NotPolledError says that a version may not become current yet: nobody would
// take the tasks of these queues. Start the version's workers, or look into
// their logs.
type NotPolledError struct {
	Version Version
	Queues  []string
	Err     error // of the context
}

// Error names the queues.
func (e *NotPolledError) Error() string {
	return fmt.Sprintf("no worker of %s polls task queues %s: %v", e.Version, strings.Join(e.Queues, ", "), e.Err)
}

func (e *NotPolledError) Unwrap() error { return e.Err }

// AwaitPollers waits until workers of the version poll every task queue. When
// the context ends first, the error is a *NotPolledError. A server that does
// not answer in between is asked again.
func (d *Deployment) AwaitPollers(ctx context.Context, buildID string) error {
	missing := contract.Queues()
	for {
		found, err := d.unpolled(ctx, buildID)
		switch {
		case err == nil && len(found) == 0:
			return nil
		case err == nil:
			missing = found
		case ctx.Err() == nil && !mayPass(err):
			return err
		}
		select {
		case <-ctx.Done():
			return &NotPolledError{Version: d.version(buildID), Queues: missing, Err: ctx.Err()}
		case <-time.After(pollersInterval):
		}
	}
}

// mayPass reports a failure that can be another one, or none, in a moment. The
// deadline of ctx is among them: a call notices it a little earlier than ctx.
func mayPass(err error) bool {
	var late *serviceerror.DeadlineExceeded
	var away *serviceerror.Unavailable
	return errors.As(err, &late) || errors.As(err, &away)
}

// unpolled lists the task queues that no worker of the version polls.
func (d *Deployment) unpolled(ctx context.Context, buildID string) ([]string, error) {
	known, err := d.knownQueues(ctx, buildID)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, queue := range contract.Queues() {
		kinds := []client.TaskQueueType{client.TaskQueueTypeActivity}
		if queue == contract.QueueOrders {
			kinds = append(kinds, client.TaskQueueTypeWorkflow)
		}
		for _, kind := range kinds {
			polled, err := d.isPolled(ctx, queue, kind, buildID)
			if err != nil {
				return nil, err
			}
			if !polled || !slices.Contains(known, client.WorkerDeploymentTaskQueueInfo{Name: queue, Type: kind}) {
				missing = append(missing, queue)
				break
			}
		}
	}
	return missing, nil
}

// knownQueues are those that the server routes to the version once it is
// current. They become known a moment after the first poll.
func (d *Deployment) knownQueues(ctx context.Context, buildID string) ([]client.WorkerDeploymentTaskQueueInfo, error) {
	described, err := d.handle.DescribeVersion(ctx, client.WorkerDeploymentDescribeVersionOptions{BuildID: buildID})
	if isNotFound(err) || isNotReady(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("describing %s: %w", d.version(buildID), err)
	}
	return described.Info.TaskQueuesInfos, nil
}

func (d *Deployment) isPolled(ctx context.Context, queue string, kind client.TaskQueueType, buildID string) (bool, error) {
	described, err := d.client.DescribeTaskQueue(ctx, queue, enumspb.TaskQueueType(kind))
	if err != nil {
		return false, fmt.Errorf("describing task queue %s: %w", queue, err)
	}
	now := time.Now()
	return slices.ContainsFunc(described.GetPollers(), func(poller *taskqueuepb.PollerInfo) bool {
		return isAlive(poller, d.version(buildID), now)
	}), nil
}

// isAlive reports whether the poller is a worker of the version that has not
// gone. The server remembers those that have for some minutes.
func isAlive(poller *taskqueuepb.PollerInfo, version Version, now time.Time) bool {
	of := poller.GetDeploymentOptions()
	return of.GetDeploymentName() == version.Deployment && of.GetBuildId() == version.BuildID &&
		of.GetWorkerVersioningMode() == enumspb.WORKER_VERSIONING_MODE_VERSIONED &&
		now.Sub(poller.GetLastAccessTime().AsTime()) < pollIsOver
}
