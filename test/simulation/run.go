package simulation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"orderflow/activities"
	"orderflow/services/inventory"
	"orderflow/services/notification"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
	"orderflow/workflows"
	"orderflow/workflows/contract"
)

// run is one workflow of an order, in Temporal's test environment.
type run struct {
	saga    *Saga
	network *Network
	number  int
	env     *testsuite.TestWorkflowEnvironment
	server  *server
	rounds  int // of operators
	updates int
}

// Play places the order in the bubble that it is called from, and stays with it
// until it has come to its end.
func (n *Network) Play(saga *Saga) {
	n.Carry(saga)
	<-time.After(saga.Scenario.StartsAt)
	in := saga.Scenario.Order
	var clock time.Time
	for {
		r := n.newRun(saga)
		// The workflow's clock runs ahead of the bubble's when nothing happens
		// but the passing of time.
		if clock.After(time.Now()) {
			r.env.SetStartTime(clock)
		}
		r.execute(in)
		if saga.End != Terminated {
			return
		}
		unnoticed := saga.Scenario.recoveredAfter(r.number)
		clock = r.env.Now().Add(unnoticed)
		<-time.After(unnoticed)
		if saga.Scenario.lostTask(r.number) {
			continue
		}
		if in.Recovery = n.recovery(saga); in.Recovery == nil {
			return
		}
	}
}

// recovery is what the reconciler decides about an order whose workflow was
// terminated; nil when it has come to its end all the same. What operators have
// settled it reads in the order's stream, and, as far as that is behind, in what
// the workflows have accepted.
func (n *Network) recovery(saga *Saga) (recovery *contract.Recovery) {
	n.services.Do(func() {
		orderID := saga.Scenario.Order.OrderID
		view, err := n.services.Orders.Order(context.Background(), orderID)
		if err == nil && (view.Status == order.Shipped || view.Status == order.Cancelled) {
			return
		}
		recovery = &contract.Recovery{Reason: "the order's workflow was terminated", Undo: err != nil}
		if events, err := n.services.Orders.Events(context.Background(), orderID); err == nil {
			// What cannot be read is missed by Saga.Check.
			recovery.Settled, _ = activities.Settlements(events)
		}
		recovery.Settled = append(recovery.Settled, saga.settled...)
	})
	return recovery
}

func (n *Network) newRun(saga *Saga) *run {
	var suite testsuite.WorkflowTestSuite
	suite.SetDisableRegistrationAliasing(true)
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	r := &run{saga: saga, network: n, env: suite.NewTestWorkflowEnvironment(), server: newServer(saga)}
	r.number = saga.begin(r.reached)
	r.env.SetTestTimeout(365 * 24 * time.Hour) // of the bubble: only what is stuck comes to it
	r.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{r.server}})
	r.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: saga.Scenario.Order.OrderID, TaskQueue: contract.QueueOrders})
	r.env.SetOnActivityCanceledListener(func(info *activity.Info) { r.server.cancel(info.ActivityID) })
	r.beginHistory()
	r.answerHolds()
	r.env.RegisterWorkflow(workflows.PlaceOrder)
	for _, hands := range Activities(n) {
		r.env.RegisterActivity(hands)
	}
	return r
}

// The lengths of a history when a workflow task starts: of the first one, of the
// one that repeats it, and of any that comes after the scheduling of an activity.
const (
	firstTask    = 3
	repeatedTask = 6
	laterTask    = 12
)

// beginHistory tells the workflow as much about the length of its history as a
// server would.
func (r *run) beginHistory() {
	r.env.SetCurrentHistoryLength(firstTask)
	if r.saga.Scenario.lostTask(r.number - 1) {
		r.env.SetCurrentHistoryLength(repeatedTask)
	}
	r.server.grow = func() { r.env.SetCurrentHistoryLength(laterTask) }
}

// Activities are the product's own, which call through the network.
func Activities(n *Network) []any {
	return []any{
		&activities.Orders{Client: order.NewClient(n.To(orderService))},
		&activities.Inventory{Client: inventory.NewClient(n.To(inventoryService))},
		&activities.Payment{Client: payment.NewClient(n.To(paymentService))},
		&activities.Shipping{Client: shipping.NewClient(n.To(shippingService))},
		&activities.Notification{Client: notification.NewClient(n.To(notificationService))},
	}
}

func (r *run) execute(in contract.PlaceOrderInput) {
	r.attend()
	r.add(Entry{Kind: Began})
	r.saga.End = r.end(in)
	r.server.close()
	r.add(Entry{Kind: Ended, Text: string(r.saga.End)})
}

// end runs the workflow. The environment panics when a workflow is stuck.
func (r *run) end(in contract.PlaceOrderInput) (end End) {
	defer func() {
		if stuck := recover(); stuck != nil {
			end = End(fmt.Sprint(stuck))
		}
	}()
	r.env.ExecuteWorkflow(workflows.PlaceOrder, in)
	return endOf(r.env.GetWorkflowError())
}

func (r *run) add(entry Entry) {
	entry.Run = r.number
	r.saga.Trace.add(entry)
}

func endOf(err error) End {
	var failed *temporal.ApplicationError
	switch {
	case err == nil:
		return Shipped
	case temporal.IsCanceledError(err):
		return CancelledByRequest
	case errors.As(err, &failed) && failed.Type() == contract.ErrorSagaFailed:
		return Undone
	case errors.As(err, &failed) && failed.Type() == errTerminated:
		return Terminated
	default:
		return End(err.Error())
	}
}

// reached does what the scenario wants at a moment. It is called by the
// goroutines of calls.
func (r *run) reached(activity string, call int, answered bool) {
	now := Moment{Activity: activity, Call: call, Answered: answered}
	for _, message := range r.saga.Scenario.Messages {
		if message.At.is(now) {
			r.send(message)
		}
	}
	if ends := r.saga.Scenario.Terminations; r.number <= len(ends) && ends[r.number-1].At.is(now) {
		r.env.RegisterDelayedCallback(func() { r.env.SignalWorkflow(terminate, nil) }, ends[r.number-1].At.Delay)
	}
}

// is reports whether it is the same moment but for the delay.
func (m Moment) is(other Moment) bool {
	m.Delay = 0
	return m == other
}

// send sends a message when its delay is over.
func (r *run) send(message Message) {
	r.env.RegisterDelayedCallback(func() { r.tell(message.Update, message.Request) }, message.At.Delay)
}

// tell sends an update to the workflow, and notes the answer.
func (r *run) tell(update string, request any) {
	if r.env.IsWorkflowCompleted() {
		return
	}
	if update == cancelWorkflow {
		r.add(Entry{Kind: Told, Text: cancelWorkflow})
		r.env.CancelWorkflow()
		return
	}
	r.updates++
	r.env.UpdateWorkflow(update, fmt.Sprintf("update %d", r.updates), &heard{run: r, update: update, request: request}, request)
}

// heard is what the sender of an update is told.
type heard struct {
	run     *run
	update  string
	request any
}

// Accept implements testsuite's UpdateCallbacks.
func (h *heard) Accept() {
	if request, ok := h.request.(contract.OperatorRequest); ok && h.update != contract.UpdateRetry {
		h.run.saga.settle(h.run.number, contract.Settlement{Update: h.update, OperatorRequest: request})
	}
}

// Reject implements testsuite's UpdateCallbacks.
func (h *heard) Reject(err error) { h.note("refused: " + typeOf(err)) }

// Complete implements testsuite's UpdateCallbacks. A cancellation may be refused
// when it is decided, and that is later.
func (h *heard) Complete(_ any, err error) {
	if err != nil {
		h.Reject(err)
	} else {
		h.note("accepted")
	}
}

func (h *heard) note(text string) { h.run.add(Entry{Kind: Told, Text: h.update + " " + text}) }

func typeOf(err error) string {
	var failed *temporal.ApplicationError
	if errors.As(err, &failed) {
		return failed.Type()
	}
	return err.Error()
}

// progress asks the workflow.
func (r *run) progress() (contract.Progress, error) {
	var progress contract.Progress
	value, err := r.env.QueryWorkflow(contract.QueryProgress)
	if err != nil {
		return progress, err
	}
	return progress, value.Get(&progress)
}
