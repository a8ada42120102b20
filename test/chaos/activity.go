package chaos

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"go.uber.org/zap"

	"orderflow/internal/discovery"
	"orderflow/internal/faults/failpoint"
)

// breakActivity lets the next activity of a step panic: at its begin, or when it
// has had its answer and Temporal has not heard of it. No wire sees that; the
// worker's log tells.
func (d *Driver) breakActivity(ctx context.Context, fault Fault) Meeting {
	meeting := Meeting{Cell: fault.Cells[0]}
	point := failpoint.Point{Phase: failpoint.Begin, Activity: meeting.Cell.Step, Action: failpoint.Panic, Name: d.pointName()}
	if meeting.Cell.Phase == After {
		point.Phase = failpoint.End
	}
	ctx, cancel := context.WithTimeout(ctx, metWithin)
	defer cancel()
	if err := d.armWorker(ctx, point); err != nil {
		meeting.Missed = err.Error()
		return meeting
	}
	if meeting.Reached = d.points.Reached(ctx, point.Name); !meeting.Reached {
		meeting.Missed = "no activity of the name came to it in time"
	}
	return meeting
}

// armWorker gives the worker a fail point. Where it listens, Consul knows.
func (d *Driver) armWorker(ctx context.Context, point failpoint.Point) error {
	registry, err := discovery.NewConsul(discovery.ConsulConfig{Addr: d.system.ConsulAddr()}, zap.NewNop())
	if err != nil {
		return fmt.Errorf("arming the worker: %w", err)
	}
	defer registry.Close()
	instances, err := registry.HealthyInstances(ctx, workers)
	if err != nil {
		return fmt.Errorf("arming the worker: %w", err)
	}
	for _, instance := range instances {
		// One that was killed may still be in the list.
		if err = d.arm(ctx, instance.Addr(), point); err == nil {
			return nil
		}
	}
	return errors.Join(errors.New("arming the worker: none answers"), err)
}

// arm gives the process at an address a fail point of its background.
func (d *Driver) arm(ctx context.Context, addr string, point failpoint.Point) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/healthz", nil)
	if err != nil {
		return fmt.Errorf("arming a fail point: %w", err)
	}
	request.Header.Set(failpoint.Header, point.String())
	response, err := d.system.http.Do(request)
	if err != nil {
		return fmt.Errorf("arming a fail point: %w", err)
	}
	if err := response.Body.Close(); err != nil {
		return fmt.Errorf("arming a fail point: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("arming a fail point: it is answered %d", response.StatusCode)
	}
	return nil
}
