package deployment

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// Status is what a version of the deployment is for.
type Status string

// The statuses of a version. Draining leads to drained within minutes after
// the last order on it has ended: the server looks every few minutes only.
const (
	StatusInactive Status = "inactive" // polled for, but was never current
	StatusRamping  Status = "ramping"  // a part of the new orders begin here
	StatusCurrent  Status = "current"  // new orders begin here
	StatusDraining Status = "draining" // old orders end here: its workers must run
	StatusDrained  Status = "drained"  // has no order left: its workers may stop
)

// Known is what the server knows of a version.
type Known struct {
	Version

	Status Status
	// Ramp is the percentage of new orders of a ramping version.
	Ramp int
	// FirstSeen is when a worker of the version polled for the first time.
	FirstSeen time.Time
	// Open is how many open orders are pinned to it. It lags behind by about a
	// second, and leaves out orders whose first task has not ended.
	Open int64
}

// Versions lists the versions of the deployment, the oldest first. One that is
// drained and has no workers is forgotten by the server after a while. Without
// any worker ever there is none, and no error.
func (d *Deployment) Versions(ctx context.Context) ([]Known, error) {
	described, err := d.handle.Describe(ctx, client.WorkerDeploymentDescribeOptions{})
	if isNotFound(err) || isNotReady(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("describing worker deployment %s: %w", d.name, err)
	}
	versions := make([]Known, 0, len(described.Info.VersionSummaries))
	for _, summary := range described.Info.VersionSummaries {
		known := Known{Version: d.version(summary.Version.BuildID), FirstSeen: summary.CreateTime}
		known.Status, known.Ramp = statusOf(summary, described.Info.RoutingConfig)
		if known.Open, err = d.countOpen(ctx, known.Version); err != nil {
			return nil, err
		}
		versions = append(versions, known)
	}
	slices.SortFunc(versions, func(a, b Known) int { return a.FirstSeen.Compare(b.FirstSeen) })
	return versions, nil
}

func statusOf(summary client.WorkerDeploymentVersionSummary, routing client.WorkerDeploymentRoutingConfig) (status Status, ramp int) {
	switch {
	case routing.CurrentVersion != nil && *routing.CurrentVersion == summary.Version:
		return StatusCurrent, 0
	case routing.RampingVersion != nil && *routing.RampingVersion == summary.Version:
		return StatusRamping, int(routing.RampingVersionPercentage)
	}
	switch summary.DrainageStatus {
	case client.WorkerDeploymentVersionDrainageStatusDraining:
		return StatusDraining, 0
	case client.WorkerDeploymentVersionDrainageStatusDrained:
		return StatusDrained, 0
	default:
		return StatusInactive, 0
	}
}

func (d *Deployment) countOpen(ctx context.Context, version Version) (int64, error) {
	counted, err := d.client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{
		Query: openOrders + " AND TemporalWorkerDeploymentVersion = '" + version.String() + "'",
	})
	if err != nil {
		return 0, fmt.Errorf("counting the orders on %s: %w", version, err)
	}
	return counted.GetCount(), nil
}
