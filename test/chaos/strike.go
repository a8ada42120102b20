package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"syscall"
	"time"

	"orderflow/internal/faults/failpoint"
	"orderflow/internal/telemetry"
)

const (
	// beyondTimeout is longer than a caller waits.
	beyondTimeout = 3 * time.Second
	// heldOpen is how long a transaction stays open while something else dies.
	heldOpen = 800 * time.Millisecond
	// intoIt is when that happens.
	intoIt = 300 * time.Millisecond
	// undoneWithin is how long a late call waits for its undoing.
	undoneWithin = 20 * time.Second
)

// strike does an aimed fault to its call. It may break off the connection.
func (d *Driver) strike(call Call, fault Fault) error {
	switch fault.Cell.Aim {
	case KillService, DropCall, DelayCall, PanicCall:
		d.selfInflicted(call, fault)
		return nil
	case StopService:
		return d.stopItself(call, fault)
	case KillWorker:
		return d.meanwhile(call, fault, func(ctx context.Context) error { return d.kill(ctx, worker) })
	case KillTemporal:
		return d.meanwhile(call, fault, func(ctx context.Context) error { return d.kill(ctx, "temporal") })
	case KillConsul:
		return d.meanwhile(call, fault, func(ctx context.Context) error { return d.kill(ctx, "consul") })
	case KillDatabase:
		return d.meanwhile(call, fault, d.tools.RestartDatabase)
	case StopWorker:
		return d.meanwhile(call, fault, func(ctx context.Context) error { return d.freeze(ctx, worker, d.freezeTime()) })
	case Duplicate:
		return d.twice(call, fault)
	case Late:
		return d.late(call, fault)
	default:
		return fmt.Errorf("nobody knows how to %s", fault.Cell.Aim)
	}
}

// selfInflicted lets the service break itself.
func (d *Driver) selfInflicted(call Call, fault Fault) {
	call.Request.Header.Set(failpoint.Header, named(fault.Cell.failPoint(fault.Transaction), fault))
	call.Pass()
}

// named is the point with the fault's number, by which its log line is found.
func named(point failpoint.Point, fault Fault) string {
	point.Name = fmt.Sprintf("fault-%d", fault.Number)
	return point.String()
}

// stopItself lets the service stop at its point, and continues it later.
func (d *Driver) stopItself(call Call, fault Fault) error {
	d.stray.Go(func() {
		d.wait(context.Background(), d.freezeTime())
		// It may never have come to the point, or may have been killed since.
		_ = d.system.Supervisor().Signal(call.Service, syscall.SIGCONT)
	})
	d.selfInflicted(call, fault)
	return nil
}

// meanwhile does something to another process before the call, after it, or in
// the middle of its transaction.
func (d *Driver) meanwhile(call Call, fault Fault, act func(ctx context.Context) error) error {
	ctx := context.WithoutCancel(call.Request.Context())
	switch fault.Cell.Phase {
	case Before:
		err := act(ctx)
		call.Pass()
		return err
	case After:
		answer, err := call.Send(ctx, "", "")
		if err != nil {
			d.journal.Miss(fault, err.Error())
			breakOff()
		}
		err = act(ctx)
		call.Reply(answer)
		return err
	default:
		acted := make(chan error, 1)
		go func() {
			d.wait(ctx, intoIt)
			acted <- act(ctx)
		}()
		answer, err := call.Send(ctx, failpoint.Header, named(fault.Cell.failPoint(fault.Transaction), fault))
		result := <-acted
		if err != nil {
			d.journal.End(fault, result)
			breakOff()
		}
		call.Reply(answer)
		return result
	}
}

// twice delivers the call a second time: at the same moment, in the middle of
// the first, or after it was answered. Both answers must be one.
func (d *Driver) twice(call Call, fault Fault) error {
	ctx := call.Request.Context()
	type outcome struct {
		answer Answer
		err    error
	}
	first := make(chan outcome, 1)
	begin := func(header, value string) {
		go func() {
			answer, err := call.Send(ctx, header, value)
			first <- outcome{answer, err}
		}()
	}
	var one outcome
	switch fault.Cell.Phase {
	case Before:
		begin("", "")
	case During:
		begin(failpoint.Header, named(fault.Cell.failPoint(fault.Transaction), fault))
		d.wait(ctx, intoIt)
	default:
		begin("", "")
		one = <-first
	}
	second, err := call.Send(ctx, "", "")
	if one.answer.Status == 0 && one.err == nil {
		one = <-first
	}
	if one.err != nil || err != nil {
		d.journal.Miss(fault, fmt.Sprintf("a copy had no answer: %v, %v", one.err, err))
		breakOff()
	}
	if ok(one.answer) && ok(second) && string(one.answer.Body) != string(second.Body) {
		d.breaches.Add(idempotencyInvariant, orderOf(call), "%s was delivered twice and answered with %s and with %s",
			call.Effect.Step, one.answer.Body, second.Body)
	}
	call.Reply(second)
	return nil
}

func ok(a Answer) bool { return a.Status >= 200 && a.Status < 300 }

// keptCall is a step of an order that may not happen for now.
type keptCall struct{ orderID, step string }

func (d *Driver) isKept(call Call) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.kept) > 0 && d.kept[keptCall{orderOf(call), call.Effect.Step}]
}

func (d *Driver) keep(call keptCall, kept bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if kept {
		d.kept[call] = true
	} else {
		delete(d.kept, call)
	}
}

// late keeps the call and its repetitions from arriving, has the order
// cancelled, and lets the call arrive when the step has been undone without
// having been done. It must then be refused.
func (d *Driver) late(call Call, fault Fault) error {
	orderID := orderOf(call)
	kept := keptCall{orderID, call.Effect.Step}
	d.keep(kept, true)
	d.stray.Go(func() {
		defer d.keep(kept, false)
		ctx, cancel := context.WithTimeout(context.Background(), undoneWithin)
		defer cancel()
		d.cancel(ctx, orderID)
		undone := d.awaitUndone(ctx, orderID)
		answer, err := call.Send(ctx, "", "")
		switch {
		case err != nil:
			d.journal.Miss(fault, "the late call had no answer: "+err.Error())
		case !undone:
			d.journal.Miss(fault, "the step was done meanwhile, or not undone yet")
		case ok(answer):
			d.breaches.Add(compensationInvariant, orderID, "%s was undone, and then done: %d %s", call.Effect.Step, answer.Status, answer.Body)
		}
	})
	breakOff()
	return nil
}

// awaitUndone waits for the end of an order, and reports whether it was undone.
func (d *Driver) awaitUndone(ctx context.Context, orderID string) bool {
	for ctx.Err() == nil {
		view, err := d.system.View(ctx, d.system.Operator, orderID)
		if err == nil && view.Ended() {
			return !view.Shipped()
		}
		d.wait(ctx, 100*time.Millisecond)
	}
	return false
}

// cancel asks for an order to be cancelled, in an operator's name.
func (d *Driver) cancel(ctx context.Context, orderID string) {
	answer, err := d.system.Operator.Patiently(ctx, http.MethodPost, "/v1/orders/"+orderID+"/cancel", map[string]string{"reason": "chaos: a late call"}, nil)
	if err == nil && answer.Status == http.StatusAccepted {
		d.load.CancelledByOperator(orderID)
	}
}

// orderOf is the order that a call of a step belongs to; "" at the gateway,
// where there is none yet.
func orderOf(call Call) string {
	if id := call.Request.Header.Get(telemetry.OrderIDHeader); id != "" {
		return id
	}
	var keyed struct{ Key struct{ OrderID string } }
	if err := json.Unmarshal(call.Body, &keyed); err != nil {
		return ""
	}
	return keyed.Key.OrderID
}
