package deployment

import (
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// Deployment is one worker deployment of a namespace.
type Deployment struct {
	client client.Client
	handle client.WorkerDeploymentHandle
	name   string
}

// Open returns the deployment of a name. It asks the server nothing: a
// deployment exists from the first poll of one of its workers.
func Open(connected client.Client, name string) *Deployment {
	return &Deployment{client: connected, handle: connected.WorkerDeploymentClient().GetHandle(name), name: name}
}

// MakeCurrent lets new orders begin on the version. The server refuses a
// version that no worker has ever polled for, and one that lacks a task queue
// of the version before. The version before starts to drain.
func (d *Deployment) MakeCurrent(ctx context.Context, buildID string) error {
	_, err := d.handle.SetCurrentVersion(ctx, client.WorkerDeploymentSetCurrentVersionOptions{BuildID: buildID})
	if err != nil {
		return fmt.Errorf("making %s the current version: %w", d.version(buildID), err)
	}
	return nil
}

// Ramp lets a percentage of the new orders, from 0 to 100, begin on the version
// and the others on the current one. The server refuses what MakeCurrent does.
func (d *Deployment) Ramp(ctx context.Context, buildID string, percentage int) error {
	_, err := d.handle.SetRampingVersion(ctx, client.WorkerDeploymentSetRampingVersionOptions{
		BuildID: buildID, Percentage: float32(percentage),
	})
	if err != nil {
		return fmt.Errorf("giving %d %% of new orders to %s: %w", percentage, d.version(buildID), err)
	}
	return nil
}

func (d *Deployment) version(buildID string) Version {
	return Version{Deployment: d.name, BuildID: buildID}
}

func isNotFound(err error) bool {
	var missing *serviceerror.NotFound
	return errors.As(err, &missing)
}

// isNotReady reports that the server is about to learn of the deployment: its
// own workflow for it has begun, and has not run yet.
func isNotReady(err error) bool {
	var beginning *serviceerror.WorkflowNotReady
	return errors.As(err, &beginning)
}
