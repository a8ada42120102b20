package chaos

import (
	"context"
	"fmt"
	"time"

	"orderflow/internal/faults/failpoint"
)

// outOfSpace is how long an aimed fault leaves the disk full.
const outOfSpace = 1500 * time.Millisecond

// breakShared breaks what all orders share, and returns when the break itself is
// over; the system may still have to recover.
func (d *Driver) breakShared(ctx context.Context, aim Aim) error {
	switch aim {
	case KillWorker:
		return d.kill(ctx, worker)
	case KillGateway:
		return d.kill(ctx, gateway)
	case KillTemporal:
		return d.kill(ctx, "temporal")
	case KillConsul:
		return d.kill(ctx, "consul")
	case KillDatabase:
		return d.tools.RestartDatabase(ctx)
	case StopWorker:
		return d.freeze(ctx, worker, freezeTime)
	case FillDisk:
		return d.fillDisk(ctx, outOfSpace)
	default:
		return fmt.Errorf("nobody knows how to %s", aim)
	}
}

// hold keeps a call at its place until the fault has been done, and lets it go
// on. It may break off the connection.
func (d *Driver) hold(call Call, e *Encounter, m *Meeting) {
	ctx := context.WithoutCancel(call.Request.Context())
	switch m.Cell.Phase {
	case Before:
		<-e.struck
		e.reach(m, "")
		call.Pass()
	case After:
		answer, err := call.Send(ctx, "", "")
		switch {
		case err != nil:
			e.reach(m, err.Error())
		case e.isStriking():
			e.reach(m, "it was answered after the fault")
		default:
			e.reach(m, "")
		}
		<-e.struck
		if err != nil {
			breakOff()
		}
		call.Reply(answer)
	default:
		point := d.point(e.fault, m.Cell)
		answer, err := call.Send(ctx, failpoint.Header, point.String())
		early := !e.isStriking()
		<-e.struck
		switch {
		case early:
			e.reach(m, "its transaction was over before the fault")
		case !d.points.ReachedBefore(point.Name):
			e.reach(m, "it did not come to its transaction")
		default:
			e.reach(m, "")
		}
		if err != nil {
			breakOff()
		}
		call.Reply(answer)
	}
}
