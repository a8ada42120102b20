package workflows

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"orderflow/workflows/contract"
)

// queueOf is where a step's or compensation's durable way runs: on the task
// queue of the service that it calls.
var queueOf = map[string]string{
	contract.StepCreateOrder:      contract.QueueOrders,
	contract.StepConfirmOrder:     contract.QueueOrders,
	contract.StepCompleteOrder:    contract.QueueOrders,
	contract.UndoCreateOrder:      contract.QueueOrders,
	contract.StepReserveInventory: contract.QueueInventory,
	contract.StepCommitInventory:  contract.QueueInventory,
	contract.UndoReserveInventory: contract.QueueInventory,
	contract.StepChargePayment:    contract.QueuePayment,
	contract.UndoChargePayment:    contract.QueuePayment,
	contract.StepShipOrder:        contract.QueueShipping,
	contract.UndoShipOrder:        contract.QueueShipping,
	contract.StepNotifyCustomer:   contract.QueueNotification,
	contract.FindPayment:          contract.QueuePayment,
	contract.FindShipment:         contract.QueueShipping,
	contract.RecordIntervention:   contract.QueueOrders,
}

// inWords says in the Temporal UI what a step does, beside its name.
var inWords = map[string]string{
	contract.StepCreateOrder:      "Record the order",
	contract.StepReserveInventory: "Hold the stock",
	contract.StepChargePayment:    "Take the money",
	contract.StepConfirmOrder:     "Record that it is reserved and paid",
	contract.StepShipOrder:        "Hand it to the carrier",
	contract.StepCommitInventory:  "Take the stock off the shelf",
	contract.StepCompleteOrder:    "Record that it has shipped",
	contract.StepNotifyCustomer:   "Tell the customer",
}

// call runs an activity in two ways. The fast way is a local activity: one
// attempt with a short time, which costs one history event. Only when that
// fails with something that may pass does the durable way follow: an ordinary
// activity on the service's own queue, with the full retry policy, where its
// waiting is visible and holds up nobody else.
func (s *saga) call(ctx workflow.Context, name string, activity any, policy durablePolicy, request, answer any) error {
	if s.takesFastWay(name) {
		fast := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
			ScheduleToCloseTimeout: fastTimeout,
			StartToCloseTimeout:    fastTimeout,
			RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
			Summary:                inWords[name],
		})
		err := workflow.ExecuteLocalActivity(fast, activity, request).Get(fast, answer)
		s.whereabouts.triedFast(ctx)
		if err == nil || !mayPass(err) && !onHold(err) || ctx.Err() != nil {
			return err
		}
		if onHold(err) {
			s.awaitDependency(ctx, name)
		} else {
			s.progress.retrying(name, queueOf[name])
			s.progress.publish(ctx)
		}
	}
	s.startDeadline()
	return s.patientlyFor(ctx, name, policy.mostHolds, func() error {
		return s.whereabouts.await(ctx, s.attemptDurably(ctx, name, activity, policy, request), answer)
	})
}

func (s *saga) takesFastWay(name string) bool {
	return !s.in.Settings.FastWayOff && !slices.Contains(s.in.Settings.DurableSteps, name)
}

// callDurably runs an activity on the queue of the service that it calls.
func (s *saga) callDurably(ctx workflow.Context, name string, activity any, policy durablePolicy, request, answer any) error {
	return s.attemptDurably(ctx, name, activity, policy, request).Get(ctx, answer)
}

func (s *saga) attemptDurably(ctx workflow.Context, name string, activity any, policy durablePolicy, request any) workflow.Future {
	policy.summary = cmp.Or(policy.summary, inWords[name], name)
	return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, policy.options(queueOf[name])), activity, request)
}

// mayPass reports whether an activity's error can be different next time. The
// caller looks at its own context for a cancellation.
func mayPass(err error) bool {
	var application *temporal.ApplicationError
	if errors.As(err, &application) {
		return !application.NonRetryable()
	}
	// A timeout, or a local activity that ended with its worker.
	return true
}

// durablePolicy bounds the durable way. The delay between attempts comes with
// each failed attempt (activities.backoff); the retry policy here has the same
// numbers for failures that bring none, such as a timeout.
type durablePolicy struct {
	summary         string
	scheduleToClose time.Duration // 0: no bound
	// mostHolds is how often a service on hold is waited for; 0: until its
	// release.
	mostHolds int
}

const (
	// fastTimeout is longer than a healthy call by orders of magnitude and
	// short enough that a workflow task of several steps stays one. The
	// activity itself gives up a little earlier.
	fastTimeout = 2 * time.Second
	// startToClose is longer than the client's own timeout, so that it only
	// strikes when the worker is gone: what it left undone is then soon begun
	// again elsewhere.
	startToClose = 7 * time.Second
	// stepTimeout bounds a forward step over all attempts: long enough for an
	// open breaker and a restart to pass.
	stepTimeout = 10 * time.Minute
	// notifyTimeout bounds the message at the end; an order does not wait for
	// it any longer.
	notifyTimeout = time.Minute
	// parkedFirst is how long a failure that retrying at once did not help is
	// left alone; the next pauses double.
	parkedFirst = time.Minute
	// parkedLongest keeps the history of an order that waits for an operator
	// below the server's limit of 51,200 events for years: a round of tries adds
	// 11 events, that of a recovery with every revision 22.
	parkedLongest = 12 * time.Hour
	// notifyHolds is how often an order asks for the release of the notification
	// service before it ends without its message: after a day.
	notifyHolds = 4
)

func (p durablePolicy) options(queue string) workflow.ActivityOptions {
	return workflow.ActivityOptions{
		TaskQueue:              queue,
		StartToCloseTimeout:    startToClose,
		ScheduleToCloseTimeout: p.scheduleToClose,
		Summary:                p.summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    time.Second,
			BackoffCoefficient: 2,
			MaximumInterval:    10 * time.Second,
		},
	}
}
