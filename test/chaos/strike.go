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
	heldOpen = time.Second
	// intoIt is when a copy of the call comes meanwhile.
	intoIt = 300 * time.Millisecond
	// freezeTime is how long an aimed stop lasts: longer than callers wait.
	freezeTime = 3 * time.Second
	// undoneWithin is how long a late call waits for its undoing.
	undoneWithin = 20 * time.Second
)

// strike does a fault to the one call that it is aimed at. It may break off the
// connection.
func (d *Driver) strike(call Call, e *Encounter, m *Meeting) {
	switch m.Cell.Aim {
	case KillService, DropCall, DelayCall, PanicCall:
		d.selfInflicted(call, e, m)
	case StopService:
		d.stopItself(call, e, m)
	case CutCall:
		d.cut(call, e, m)
	case Duplicate:
		d.twice(call, e, m)
	case Late:
		d.late(call, e, m)
	default:
		e.reach(m, fmt.Sprintf("nobody knows how to %s", m.Cell.Aim))
		call.Pass()
	}
}

// point is what the service does by itself in the cell. Its transactions take
// turns; only the first one is in every call, so it is the one after a miss.
func (d *Driver) point(fault Fault, cell Cell) failpoint.Point {
	transaction := 1
	if d.deck.Misses(cell) == 0 {
		transaction += fault.Number % max(effectOfStep(cell.Step).Transactions, 1)
	}
	point := cell.failPoint(transaction)
	point.Name = d.pointName()
	return point
}

// selfInflicted lets the service break itself.
func (d *Driver) selfInflicted(call Call, e *Encounter, m *Meeting) {
	point := d.point(e.fault, m.Cell)
	defer func() {
		missed := ""
		if !d.points.ReachedBefore(point.Name) {
			missed = "the service did not come to its point"
		}
		e.reach(m, missed)
	}()
	call.Request.Header.Set(failpoint.Header, point.String())
	call.Pass()
}

// stopItself lets the service stop at its point, and continues it later.
func (d *Driver) stopItself(call Call, e *Encounter, m *Meeting) {
	e.calls.Go(func() {
		d.wait(context.Background(), freezeTime)
		// It may never have come to the point, or may have been killed since.
		_ = d.system.Supervisor().Signal(call.Service, syscall.SIGCONT)
	})
	d.selfInflicted(call, e, m)
}

// cut lets half of the request arrive, or half of the answer.
func (d *Driver) cut(call Call, e *Encounter, m *Meeting) {
	if m.Cell.Phase == Before {
		call.SendHalf(call.Request.Context())
		e.reach(m, "")
		breakOff()
	}
	answer, err := call.Send(call.Request.Context(), "", "")
	if err == nil {
		err = call.ReplyHalf(answer)
	}
	if err != nil {
		e.reach(m, err.Error())
		breakOff()
	}
	e.reach(m, "")
}

// twice delivers the call a second time: at the same moment, in the middle of
// the first, or after it was answered. Both answers must be one.
func (d *Driver) twice(call Call, e *Encounter, m *Meeting) {
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
	point := d.point(e.fault, m.Cell)
	switch m.Cell.Phase {
	case Before:
		begin("", "")
	case During:
		begin(failpoint.Header, point.String())
		d.wait(ctx, intoIt)
	default:
		begin("", "")
		one = <-first
	}
	second, err := call.Send(ctx, "", "")
	if one.answer.Status == 0 && one.err == nil {
		one = <-first
	}
	switch {
	case one.err != nil || err != nil:
		e.reach(m, fmt.Sprintf("a copy had no answer: %v, %v", one.err, err))
		breakOff()
	case m.Cell.Phase == During && !d.points.ReachedBefore(point.Name):
		e.reach(m, "the first one did not come to its transaction")
	default:
		e.reach(m, "")
	}
	if ok(one.answer) && ok(second) && string(one.answer.Body) != string(second.Body) {
		d.breaches.Add(idempotencyInvariant, orderOf(call), "%s was delivered twice and answered with %s and with %s",
			call.Effect.Step, one.answer.Body, second.Body)
	}
	call.Reply(second)
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
func (d *Driver) late(call Call, e *Encounter, m *Meeting) {
	kept := keptCall{m.OrderID, call.Effect.Step}
	d.keep(kept, true)
	e.calls.Go(func() {
		defer d.keep(kept, false)
		ctx, cancel := context.WithTimeout(context.Background(), undoneWithin)
		defer cancel()
		d.cancel(ctx, m.OrderID)
		undone := d.awaitUndone(ctx, m.OrderID)
		answer, err := call.Send(ctx, "", "")
		switch {
		case err != nil:
			e.reach(m, "the late call had no answer: "+err.Error())
		case !undone:
			e.reach(m, "the step was done meanwhile, or not undone yet")
		case ok(answer):
			d.breaches.Add(compensationInvariant, m.OrderID, "%s was undone, and then done: %d %s", call.Effect.Step, answer.Status, answer.Body)
			e.reach(m, "")
		default:
			e.reach(m, "")
		}
	})
	breakOff()
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
