package simulation

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// server does what Temporal's test environment does not do as a server does:
// it retries an activity until its schedule-to-close timeout, it ends an
// attempt at its start-to-close timeout, and it lets no activity outlive its
// workflow. (The environment gives up after ten attempts, lets attempts run
// on, and forgets a workflow's waiting activities for ever.)
//
// It also terminates workflows, and takes the chance out of the activities: the
// jitter of their retries.
type server struct {
	interceptor.WorkerInterceptorBase
	saga *Saga
	// grow is called when the workflow schedules an activity: its history is
	// longer from the next workflow task on.
	grow func()

	mu sync.Mutex
	// policies are the options of the activities, by their types.
	policies map[string]workflow.ActivityOptions
	// cancelled are the IDs of activities that the workflow does not wait for
	// any more.
	cancelled map[string]bool
	over      bool
}

func newServer(saga *Saga) *server {
	return &server{saga: saga, policies: map[string]workflow.ActivityOptions{}, cancelled: map[string]bool{}}
}

func (s *server) cancel(activityID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancelled[activityID] = true
}

// close ends whatever the workflow has left behind.
func (s *server) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

func (s *server) wanted(activityID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.over && !s.cancelled[activityID]
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (s *server) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	inbound := &terminable{server: s}
	inbound.Next = next
	return inbound
}

// InterceptActivity implements interceptor.WorkerInterceptor.
func (s *server) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	inbound := &retried{server: s}
	inbound.Next = next
	return inbound
}

// scheduling takes the timeouts and retries of activities over from the
// environment.
type scheduling struct {
	interceptor.WorkflowOutboundInterceptorBase
	server *server
}

// ExecuteActivity schedules one attempt without an end for the environment.
func (o *scheduling) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	o.server.grow()
	options := workflow.GetActivityOptions(ctx)
	o.server.mu.Lock()
	o.server.policies[activityType] = options
	o.server.mu.Unlock()
	options.StartToCloseTimeout, options.ScheduleToCloseTimeout = 1000*time.Hour, 0
	options.RetryPolicy = &temporal.RetryPolicy{MaximumAttempts: 1}
	return o.Next.ExecuteActivity(workflow.WithActivityOptions(ctx, options), activityType, args...)
}

// retried runs the attempts of an activity.
type retried struct {
	interceptor.ActivityInboundInterceptorBase
	server *server
}

// attemptKey carries the number of the attempt to numbered.
type attemptKey struct{}

// Init implements interceptor.ActivityInboundInterceptor.
func (r *retried) Init(outbound interceptor.ActivityOutboundInterceptor) error {
	n := &numbered{}
	n.Next = outbound
	return r.Next.Init(n)
}

// numbered tells the activity which attempt it is.
type numbered struct {
	interceptor.ActivityOutboundInterceptorBase
}

// GetInfo implements interceptor.ActivityOutboundInterceptor.
func (n *numbered) GetInfo(ctx context.Context) activity.Info {
	info := n.Next.GetInfo(ctx)
	if attempt, known := ctx.Value(attemptKey{}).(int32); known {
		info.Attempt = attempt
	}
	return info
}

// ExecuteActivity implements interceptor.ActivityInboundInterceptor.
func (r *retried) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	if info.IsLocalActivity {
		answer, err := r.Next.ExecuteActivity(ctx, in)
		return answer, askedWithoutJitter(err)
	}
	r.server.mu.Lock()
	policy := r.server.policies[info.ActivityType.Name]
	r.server.mu.Unlock()
	began := time.Now()
	for number := int32(1); ; number++ {
		answer, err := r.attempt(ctx, in, number, policy)
		delay, again := backoff(policy.RetryPolicy, number, err)
		bound := policy.ScheduleToCloseTimeout
		if !again || bound > 0 && time.Since(began)+delay >= bound || !r.server.wanted(info.ActivityID) {
			return answer, err
		}
		<-time.After(delay)
		if !r.server.wanted(info.ActivityID) {
			return answer, err
		}
	}
}

func (r *retried) attempt(ctx context.Context, in *interceptor.ExecuteActivityInput, number int32, policy workflow.ActivityOptions) (any, error) {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, attemptKey{}, number), policy.StartToCloseTimeout)
	defer cancel()
	answer, err := r.Next.ExecuteActivity(ctx, in)
	var failed *temporal.ApplicationError
	if errors.As(err, &failed) && failed.Message() == errWorkerDied.Error() {
		return nil, temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil)
	}
	return answer, err
}

// backoff is the pause after a failed attempt: what the activity asks for,
// without its jitter, or what the policy says.
func backoff(policy *temporal.RetryPolicy, attempt int32, err error) (delay time.Duration, again bool) {
	if err == nil {
		return 0, false
	}
	var failed *temporal.ApplicationError
	if errors.As(err, &failed) {
		if failed.NonRetryable() {
			return 0, false
		}
		if asked := failed.NextRetryDelay(); asked > 0 {
			return withoutJitter(asked), true
		}
	}
	delay = policy.InitialInterval
	for n := int32(1); n < attempt && delay < policy.MaximumInterval; n++ {
		delay = time.Duration(float64(delay) * policy.BackoffCoefficient)
	}
	return min(delay, policy.MaximumInterval), true
}

// askedWithoutJitter is the error of a fast attempt, after which the workflow
// itself pauses for as long as the attempt asks for.
func askedWithoutJitter(err error) error {
	var failed *temporal.ApplicationError
	if !errors.As(err, &failed) || failed.NextRetryDelay() == 0 {
		return err
	}
	return temporal.NewApplicationErrorWithOptions(failed.Message(), failed.Type(), temporal.ApplicationErrorOptions{
		NextRetryDelay: withoutJitter(failed.NextRetryDelay()), Category: failed.Category(),
	})
}

// withoutJitter takes up to 30 % off: the largest power of two of seconds that
// is not above the delay.
func withoutJitter(delay time.Duration) time.Duration {
	return time.Duration(math.Exp2(math.Floor(math.Log2(delay.Seconds())))) * time.Second
}
