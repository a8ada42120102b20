package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/workflow"

	"orderflow/workflows/contract"
)

// mostWaiting bounds the orders that a hold remembers, below the server's limit
// for payloads. Who comes later asks again after a while.
const mostWaiting = 30_000

// dependencyHold is one service that is on hold.
type dependencyHold struct {
	in contract.HoldInput
	// known are those who wait, to find each of them at once.
	known map[string]bool
	// asking are the orders that were not taken in yet.
	asking   workflow.ReceiveChannel
	released bool
	// request is there once it is released.
	request contract.ReleaseRequest
}

// HoldDependency keeps a service on hold for all orders while it runs. It
// remembers who waits, and hands them to ReleaseDependency when it ends: from
// then on calls go through again.
func HoldDependency(ctx workflow.Context, in contract.HoldInput) error {
	hold := &dependencyHold{
		in: in, known: map[string]bool{}, asking: workflow.GetSignalChannel(ctx, contract.SignalAwaitRelease),
	}
	for _, orderID := range in.Waiting {
		hold.known[orderID] = true
	}
	if err := hold.listen(ctx); err != nil {
		return err
	}
	hold.publish(ctx)
	for !hold.released {
		long := workflow.GetInfo(ctx).GetContinueAsNewSuggested()
		err := workflow.Await(ctx, func() bool { return hold.released || long || hold.asking.Len() > 0 })
		if err != nil {
			return err // cancelled: nobody is released, and everybody asks again
		}
		hold.takeIn(ctx)
		if long && !hold.released {
			return workflow.NewContinueAsNewError(ctx, contract.HoldDependency, hold.in)
		}
	}
	if err := workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) }); err != nil {
		return err
	}
	return hold.letGo(ctx)
}

func (h *dependencyHold) listen(ctx workflow.Context) error {
	if err := workflow.SetQueryHandler(ctx, contract.QueryHold, func() (contract.HoldStatus, error) { return h.status(), nil }); err != nil {
		return fmt.Errorf("answering %s: %w", contract.QueryHold, err)
	}
	err := workflow.SetUpdateHandlerWithOptions(ctx, contract.UpdateReleaseHold,
		func(_ workflow.Context, request contract.ReleaseRequest) (contract.HoldStatus, error) {
			h.released, h.request = true, request
			return h.status(), nil
		},
		workflow.UpdateHandlerOptions{Validator: func(request contract.ReleaseRequest) error {
			switch {
			case h.released:
				return refusal(contract.ErrorNotHeld, "the service is being released")
			case request.PerSecond < 0 || request.PerSecond > 1000:
				return refusal(contract.ErrorInvalidInput, "perSecond must be from 1 to 1000")
			default:
				return checkRequest(request.RequestedBy, request.Reason)
			}
		}})
	if err != nil {
		return fmt.Errorf("answering %s: %w", contract.UpdateReleaseHold, err)
	}
	return nil
}

func (h *dependencyHold) status() contract.HoldStatus {
	return contract.HoldStatus{
		Queue: h.in.Queue, Reason: h.in.Reason, RequestedBy: h.in.RequestedBy, Since: h.in.Since, Waiting: len(h.in.Waiting),
	}
}

func (h *dependencyHold) add(ctx workflow.Context, orderID string) {
	if len(h.in.Waiting) < mostWaiting && !h.known[orderID] {
		h.known[orderID] = true
		h.in.Waiting = append(h.in.Waiting, orderID)
		h.publish(ctx)
	}
}

// publish tells the Temporal UI who holds what.
func (h *dependencyHold) publish(ctx workflow.Context) {
	workflow.SetCurrentDetails(ctx, fmt.Sprintf("**%s is on hold** since %s by %s: %s\n\n%d orders wait.",
		h.in.Queue, h.in.Since.UTC().Format(time.RFC3339), cell(h.in.RequestedBy), cell(h.in.Reason), len(h.in.Waiting)))
}

// letGo starts the release of those who wait. It outlives the hold, because
// calls go through from the moment on which the hold has ended. Until then
// orders may still come, because they were refused a moment ago: nobody else
// would let them go.
func (h *dependencyHold) letGo(ctx workflow.Context) error {
	for n := 0; ; n++ {
		h.takeIn(ctx)
		if len(h.in.Waiting) == 0 {
			return nil
		}
		orders := h.in.Waiting
		h.in.Waiting = nil
		child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
			WorkflowID:        fmt.Sprintf("release-%s-%s-%d", h.in.Queue, workflow.GetInfo(ctx).WorkflowExecution.RunID, n),
			ParentClosePolicy: enums.PARENT_CLOSE_POLICY_ABANDON,
			StaticSummary:     fmt.Sprintf("Release %d orders that waited for %s", len(orders), h.in.Queue),
		})
		release := workflow.ExecuteChildWorkflow(child, contract.ReleaseDependency,
			contract.ReleaseInput{Queue: h.in.Queue, PerSecond: h.perSecond(), Orders: orders})
		if err := release.GetChildWorkflowExecution().Get(child, nil); err != nil {
			return fmt.Errorf("releasing those who wait: %w", err)
		}
	}
}

// takeIn takes in all who have asked. It is called by who ends the run: an order
// in the hands of another goroutine would be forgotten with it.
func (h *dependencyHold) takeIn(ctx workflow.Context) {
	var orderID string
	for h.asking.ReceiveAsync(&orderID) {
		h.add(ctx, orderID)
	}
}

func (h *dependencyHold) perSecond() int {
	if h.request.PerSecond == 0 {
		return contract.DefaultReleaseRate
	}
	return h.request.PerSecond
}

// ReleaseDependency tells the orders that waited for a service that they may go
// on: so many each second, so that the service is not overrun by all who
// waited for it. Who is not there any more does not need to be told.
func ReleaseDependency(ctx workflow.Context, in contract.ReleaseInput) error {
	for len(in.Orders) > 0 {
		next := in.Orders[:min(max(in.PerSecond, 1), len(in.Orders))]
		in.Orders = in.Orders[len(next):]
		told := make([]workflow.Future, len(next))
		for i, orderID := range next { // all at once: each takes a while
			told[i] = workflow.SignalExternalWorkflow(ctx, orderID, "", contract.SignalReleased, in.Queue)
		}
		for i, orderID := range next {
			if err := told[i].Get(ctx, nil); err != nil {
				workflow.GetLogger(ctx).Info("An order that waited has ended", "orderId", orderID, "error", err)
			}
		}
		workflow.SetCurrentDetails(ctx, fmt.Sprintf("%d orders still wait for %s.", len(in.Orders), in.Queue))
		if len(in.Orders) == 0 {
			return nil
		}
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return workflow.NewContinueAsNewError(ctx, contract.ReleaseDependency, in)
		}
		if err := workflow.Sleep(ctx, time.Second); err != nil {
			return err
		}
	}
	return nil
}
