// Package watch follows one order through the gateway's event stream, over
// interruptions, until the order's end.
package watch

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"orderflow/starter/internal/gatewayclient"
	"orderflow/starter/internal/narrate"
	"orderflow/workflows/contract"
)

// Config says how to follow. Gateway, Out and Notes are required.
type Config struct {
	Gateway *gatewayclient.Client
	// Out gets a line for every change, Notes one for every interruption.
	Out, Notes io.Writer
	// ConnectTimeout is for how long the gateway may be away at the beginning;
	// 0 means 10 seconds.
	ConnectTimeout time.Duration
	// Patience is for how long it may be away later; 0 means two minutes.
	Patience time.Duration
	// Pause keeps a stream that closes at once from being opened all the time;
	// 0 means 200 ms.
	Pause   time.Duration
	Backoff gatewayclient.Backoff
}

// Run follows the order until its end and returns its last view. The error is
// the gateway's final answer (problem.NotFound for an unknown order), an
// *gatewayclient.UnreachableError when the gateway was away for too long, or the
// context's.
func Run(ctx context.Context, cfg Config, orderID string) (gatewayclient.Order, error) {
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
	if cfg.Patience == 0 {
		cfg.Patience = 2 * time.Minute
	}
	if cfg.Pause == 0 {
		cfg.Pause = 200 * time.Millisecond
	}
	f := follower{cfg: cfg, orderID: orderID, steps: map[string]contract.StepState{}}
	for {
		err := f.listen(ctx)
		switch {
		case f.last.Ended():
			return f.last, nil
		case gatewayclient.Temporary(err):
			fmt.Fprintf(cfg.Notes, "%v; trying again\n", err)
		case err != nil:
			return f.last, err
		}
		if err := f.look(ctx); err != nil || f.last.Ended() {
			return f.last, err
		}
		if err := gatewayclient.Sleep(ctx, cfg.Pause); err != nil {
			return f.last, err
		}
	}
}

type follower struct {
	cfg     Config
	orderID string
	// lastID is where the stream goes on.
	lastID string
	last   gatewayclient.Order
	// steps is how the steps stood when they were last told.
	steps map[string]contract.StepState
	// connected says that the gateway was there once.
	connected bool
}

// listen shows what the stream tells until the order's end, or until the
// stream ends or is cut. A view may be newer than its place in the stream; what
// it says is not said again.
func (f *follower) listen(ctx context.Context) error {
	for event, err := range f.cfg.Gateway.OrderEvents(ctx, f.orderID, f.lastID) {
		if err != nil {
			return err
		}
		f.connected = true
		f.lastID = event.ID
		if event.Order.Version > f.last.Version || event.Order.Ended() {
			f.show(event.Order)
		}
		if event.Order.Ended() {
			return nil
		}
	}
	return nil
}

// look reads the order itself, because a stream that has ended does not say
// whether more will come. It waits for a gateway that is away.
func (f *follower) look(ctx context.Context) error {
	patience := f.cfg.ConnectTimeout
	if f.connected {
		patience = f.cfg.Patience
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return gatewayclient.Retry(waiting, f.cfg.Backoff, func(ctx context.Context) error {
		order, err := f.cfg.Gateway.Order(ctx, f.orderID)
		if err == nil {
			f.connected = true
		}
		if err == nil && order.Ended() {
			f.show(order)
		}
		return err
	})
}

// show writes what has changed since the last view. A view without a saga
// tells nothing of the steps.
func (f *follower) show(order gatewayclient.Order) {
	line := fmt.Sprintf("v%d  %-9s", order.Version, order.Status)
	if order.Saga != nil {
		line += fmt.Sprintf("  saga %-12s  %s", order.Saga.State, strings.Join(f.changes(order.Saga.Steps), ", "))
	}
	fmt.Fprintln(f.cfg.Out, strings.TrimRight(line, " "))
	f.last = order
}

// changes lists the steps that stand elsewhere than before.
func (f *follower) changes(steps []contract.StepProgress) []string {
	var changed []string
	for _, step := range steps {
		untouched := step.State == contract.StepPending || step.State == contract.StepSkipped
		if step.State != f.steps[step.Name] && !untouched {
			changed = append(changed, narrate.Step(step))
		}
		f.steps[step.Name] = step.State
	}
	return changed
}
