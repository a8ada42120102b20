package chaos

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"orderflow/internal/faults/failpoint"
)

// unaimed does a fault that meets whatever goes on, and heals it before it
// returns. Ctx ends when it is time to heal.
func (d *Driver) unaimed(ctx context.Context, fault Fault) error {
	switch fault.Way {
	case Killed:
		return d.kill(ctx, fault.Target)
	case Frozen:
		return d.freeze(ctx, fault.Target, fault.Lasts)
	case Latency, Reset, HalfClosed, Silent, Narrow:
		return d.poison(ctx, fault)
	case SlowProjector, DeadProjector:
		return d.troubleProjector(ctx, fault)
	case FullDisk:
		return d.fillDisk(ctx, fault.Lasts)
	case Overloaded:
		return d.overload(ctx, fault)
	default:
		return fmt.Errorf("nobody knows what is %s", fault.Way)
	}
}

// freeze stops a process for a time.
func (d *Driver) freeze(ctx context.Context, name string, lasts time.Duration) error {
	if err := whenItRuns(ctx, func() error { return d.system.Supervisor().Signal(name, syscall.SIGSTOP) }); err != nil {
		return err
	}
	d.wait(ctx, lasts)
	return d.system.Supervisor().Signal(name, syscall.SIGCONT)
}

// poison breaks the wire before a service, or before the gateway.
func (d *Driver) poison(ctx context.Context, fault Fault) error {
	wire := d.system.wires[fault.Target]
	if err := wire.Poison(fault.Way); err != nil {
		return err
	}
	d.wait(ctx, fault.Lasts)
	return wire.Heal(context.WithoutCancel(ctx), fault.Way)
}

// troubleProjector delays each commit of the read model, or kills the service in
// the middle of one.
func (d *Driver) troubleProjector(ctx context.Context, fault Fault) error {
	point := failpoint.Point{
		Phase: failpoint.Background, Transaction: max(fault.Transaction, 1), Action: failpoint.Kill, Name: d.pointName(),
	}
	if fault.Way == SlowProjector {
		point.Action, point.Delay, point.Lasts = failpoint.Delay, 500*time.Millisecond, fault.Lasts
	}
	if err := d.arm(ctx, d.system.wires[fault.Target].Addr, point); err != nil {
		return err
	}
	d.wait(ctx, fault.Lasts)
	return nil
}

// fillDisk leaves no byte for the services' databases for a time.
func (d *Driver) fillDisk(ctx context.Context, lasts time.Duration) error {
	if err := d.tools.Disk.Fill(); err != nil {
		return errors.Join(err, d.tools.Disk.Empty())
	}
	d.wait(ctx, lasts)
	return d.tools.Disk.Empty()
}

// overload lets orders come at three times the pace that the system was seen to
// keep.
func (d *Driver) overload(ctx context.Context, fault Fault) error {
	orders := min(int(3*d.load.Sustained*fault.Lasts.Seconds()), d.settings.Orders/5)
	if orders < 1 {
		return errors.New("nobody has found out what the system bears")
	}
	pace := time.Duration(float64(orders) / (3 * d.load.Sustained) * float64(time.Second))
	d.load.Burst(ctx, orders, pace)
	d.wait(ctx, pace)
	return nil
}

// wait waits for d, or until it is time to heal.
func (d *Driver) wait(ctx context.Context, lasts time.Duration) {
	select {
	case <-time.After(lasts):
	case <-d.healed:
	case <-ctx.Done():
	}
}

// databaseFile is where a service on the small disk keeps its database.
func databaseFile(folder, service string) string {
	return "sqlite:" + filepath.Join(folder, service+".db")
}
