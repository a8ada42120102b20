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
// waiting is visible and holds up nobody else. Its first attempt is a retry, and
// comes after the pause of one.
func (s *saga) call(ctx workflow.Context, name string, activity any, policy durablePolicy, request, answer any) error {
	var paused time.Duration
	if s.takesFastWay(name) {
		err := s.callFast(ctx, name, activity, request, answer)
		s.whereabouts.triedFast(ctx)
		switch {
		case err == nil, ctx.Err() != nil, !mayPass(err) && !onHold(err):
			return err
		case onHold(err):
			s.whereabouts.leaveFastWay()
			s.awaitDependency(ctx, name)
		default:
			s.whereabouts.leaveFastWay()
			s.progress.retrying(name, queueOf[name])
			s.progress.publish(ctx)
			s.startDeadline()
			paused = s.pauseBeforeRetry(ctx, name, policy, err)
			if ctx.Err() != nil || policy.timeIsUp(paused) {
				return err
			}
		}
	}
	s.startDeadline()
	durable := policy.after(paused)
	return s.patientlyFor(ctx, name, policy.mostHolds, func() error {
		attempt := s.attemptDurably(ctx, name, activity, durable, request)
		durable = policy // after a hold, the step's clock starts anew
		return s.heard(name, s.whereabouts.await(ctx, attempt, answer))
	})
}

func (s *saga) callFast(ctx workflow.Context, name string, activity, request, answer any) error {
	fast := workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: contract.FastTimeout,
		StartToCloseTimeout:    contract.FastTimeout,
		RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary:                inWords[name],
	})
	return s.heard(name, workflow.ExecuteLocalActivity(fast, activity, request).Get(fast, answer))
}

// retryPause is the change by which the first durable attempt comes after a
// pause. An activity has no start delay, so it is a timer of the workflow.
const retryPause = "retry-pause"

// pauseBeforeRetry waits after a failed fast attempt for as long as that asks
// for: the time that the service wants (Retry-After) or that an open breaker
// still takes, else backoff, with jitter in either case (activities.backoff). A
// failure that asks for nothing, such as a timeout, is given the first pause of
// the retry policy. It returns what the pause takes of the step's time.
//
// A cancellation ends it. As at the server, a retry that would come after the
// end of the step's time is not waited for. Orders that left the fast way before
// this rule do not pause.
func (s *saga) pauseBeforeRetry(ctx workflow.Context, name string, policy durablePolicy, failure error) time.Duration {
	if workflow.GetVersion(ctx, retryPause, workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		return 0
	}
	wait := firstPause
	var application *temporal.ApplicationError
	if errors.As(failure, &application) && application.NextRetryDelay() > 0 {
		wait = application.NextRetryDelay()
	}
	if !policy.timeIsUp(wait) {
		pause(ctx, wait, "Before the retry: "+inWords[name], func() bool { return false })
	}
	return wait
}

func (s *saga) takesFastWay(name string) bool {
	return !s.in.Settings.FastWayOff && !slices.Contains(s.in.Settings.DurableSteps, name)
}

// callDurably runs an activity on the queue of the service that it calls.
func (s *saga) callDurably(ctx workflow.Context, name string, activity any, policy durablePolicy, request, answer any) error {
	return s.heard(name, s.attemptDurably(ctx, name, activity, policy, request).Get(ctx, answer))
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
	// retrying: the first attempt is a retry itself.
	retrying bool
	// mostHolds is how often a service on hold is waited for; 0: until its
	// release.
	mostHolds int
}

const (
	// firstPause, pauseFactor and longestPause are the backoff that activities.backoff has, too.
	firstPause   = time.Second
	pauseFactor  = 2
	longestPause = 10 * time.Second
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
	// 11 events, that of a recovery with every revision 22, that of the questions
	// how far an order is 23.
	parkedLongest = 12 * time.Hour
	// notifyHolds is how often an order asks for the release of the notification
	// service before it ends without its message: after a day.
	notifyHolds = 4
)

// timeIsUp reports whether a pause takes all of the step's time.
func (p durablePolicy) timeIsUp(paused time.Duration) bool {
	return p.scheduleToClose > 0 && paused >= p.scheduleToClose
}

// after is the policy for the rest of a step that has failed once and paused
// since; of 0, the policy itself.
func (p durablePolicy) after(paused time.Duration) durablePolicy {
	if paused > 0 {
		p.retrying = true
		if p.scheduleToClose > 0 {
			p.scheduleToClose -= paused
		}
	}
	return p
}

func (p durablePolicy) options(queue string) workflow.ActivityOptions {
	interval := firstPause
	if p.retrying {
		interval *= pauseFactor
	}
	return workflow.ActivityOptions{
		TaskQueue:              queue,
		StartToCloseTimeout:    contract.AttemptTimeout,
		ScheduleToCloseTimeout: p.scheduleToClose,
		Summary:                p.summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    interval,
			BackoffCoefficient: pauseFactor,
			MaximumInterval:    longestPause,
		},
	}
}
