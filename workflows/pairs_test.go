package workflows_test

import (
	"cmp"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"orderflow/internal/temporalclient/temporaltest"
	"orderflow/workflows/contract"
)

// message is an update with its request.
type message struct {
	update  string
	request any
}

// pair is two messages that an order takes in at once, while it waits for a fix
// of its payment: one sees what the other has done, or what it has not done yet.
type pair struct {
	// before is sent alone, and after is what the order still needs.
	before, after []message
	first, second message
	// refused is the error of the second one, if any. The first is accepted.
	refused string
	// apart is the error of the second one when it comes in a workflow task of
	// its own, as in the test environment: what follows from the first has come.
	apart string
	ships bool
}

func pairs() []pair {
	cancel := message{contract.UpdateCancel, cancelRequest()}
	hold := message{contract.UpdateHold, holdRequest()}
	release := message{contract.UpdateRelease, holdRequest()}
	fix := message{contract.UpdateFix, otherCard()}
	held := []message{hold}
	return []pair{
		{first: cancel, second: hold, refused: contract.ErrorAlreadyCancelled},
		{first: hold, second: cancel},
		{first: cancel, second: fix, refused: contract.ErrorNothingToFix},
		{first: fix, second: cancel},
		{before: held, first: release, second: cancel},
		{before: held, first: cancel, second: release, apart: contract.ErrorNotHeld},
		{first: hold, second: release, after: []message{fix}, ships: true},
		{first: fix, second: hold, after: []message{release}, ships: true},
		{first: fix, second: fix, refused: contract.ErrorNothingToFix, ships: true},
		{first: cancel, second: cancel, refused: contract.ErrorAlreadyCancelled},
	}
}

func (p pair) fileName() string { return p.first.update + "-and-" + p.second.update }

func (p pair) String() string { return strings.ReplaceAll(p.fileName(), "-", " ") }

// waitingForAFix is the way of an order that waits while the messages come.
func (p pair) waitingForAFix(way contract.Settings) contract.Settings {
	way.FixWindow = time.Hour
	return way
}

func (p pair) script(s *services) { s.answer(contract.StepChargePayment, once(declined())) }

// requireEnd asserts the one right end: nothing of the message that lost is
// left.
func (p pair) requireEnd(t *testing.T, s *services, ended error, progress contract.Progress, undone []string) {
	t.Helper()
	require.Nil(t, progress.Hold)
	if p.ships {
		require.NoError(t, ended)
		require.Equal(t, contract.SagaCompleted, progress.State)
		require.Len(t, s.charged, 1)
		require.Equal(t, "pm_card_mastercard", s.charged[0].Method)
		require.Empty(t, s.compensations())
		return
	}
	require.True(t, temporal.IsCanceledError(ended), "%v", ended)
	require.Equal(t, contract.SagaCompensated, progress.State)
	require.Equal(t, undone, unique(s.compensations()))
	require.Equal(t, "changed my mind", s.cancelled.Reason)
	require.Zero(t, s.count(contract.StepShipOrder))
}

func TestTwoMessagesAtOnceLeadToOneEnd(t *testing.T) {
	for _, pair := range pairs() {
		t.Run(pair.String(), func(t *testing.T) {
			eachWay(t, func(t *testing.T, way contract.Settings) {
				run := newRun(t, pair.waitingForAFix(way))
				taken := &takenAtOnce{first: "first", second: pair.second}
				run.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{taken}})
				heard := run.tellTwo(pair, nil)

				require.NoError(t, heard.refused)
				require.True(t, taken.both)
				require.Equal(t, pair.refused, typeOf(taken.refused))
				pair.requireEnd(t, run.services, run.env.GetWorkflowError(), run.progress(), run.turningBackAt(contract.StepChargePayment))
			})
		})
	}
}

func TestTwoMessagesOneAfterTheOtherLeadToTheSameEnd(t *testing.T) {
	for _, pair := range pairs() {
		t.Run(pair.String(), func(t *testing.T) {
			eachWay(t, func(t *testing.T, way contract.Settings) {
				run := newRun(t, pair.waitingForAFix(way))
				second := &answer{}
				heard := run.tellTwo(pair, second)

				require.NoError(t, heard.refused)
				require.Equal(t, cmp.Or(pair.apart, pair.refused), typeOf(second.refused))
				pair.requireEnd(t, run.services, run.env.GetWorkflowError(), run.progress(), run.turningBackAt(contract.StepChargePayment))
			})
		})
	}
}

// tellTwo runs the order with the messages of the pair: the second one only if
// its answer is given. It returns the answer to the first one.
func (r *run) tellTwo(pair pair, second *answer) (first *answer) {
	pair.script(r.services)
	moment := time.Minute
	for _, message := range pair.before {
		r.send(moment, message.update, message.request)
	}
	moment += time.Minute
	first = &answer{}
	r.env.RegisterDelayedCallback(func() {
		r.env.UpdateWorkflow(pair.first.update, "first", first, pair.first.request)
		if second != nil {
			r.env.UpdateWorkflow(pair.second.update, "second", second, pair.second.request)
		}
	}, moment)
	for _, message := range pair.after {
		moment += time.Minute
		r.send(moment, message.update, message.request)
	}
	r.execute()
	return first
}

// takenAtOnce gives a workflow a second message right after the first, before
// any of its other code runs: as the SDK does when both come in one workflow
// task. The test environment has a task for each.
type takenAtOnce struct {
	interceptor.WorkerInterceptorBase
	first  string // the ID of its update
	second message

	both    bool
	refused error
}

func (a *takenAtOnce) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	inbound := &takingAtOnce{pair: a}
	inbound.Next = next
	return inbound
}

type takingAtOnce struct {
	interceptor.WorkflowInboundInterceptorBase
	pair *takenAtOnce
}

func (i *takingAtOnce) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	waiting := &waitingAtOnce{taking: i}
	waiting.Next = outbound
	return i.Next.Init(waiting)
}

// takingFirst marks the context in which the first message is taken in.
type takingFirst struct{}

func (i *takingAtOnce) ExecuteUpdate(ctx workflow.Context, in *interceptor.UpdateInput) (any, error) {
	if workflow.GetCurrentUpdateInfo(ctx).ID == i.pair.first {
		ctx = workflow.WithValue(ctx, takingFirst{}, true)
	}
	result, err := i.Next.ExecuteUpdate(ctx, in)
	i.takeSecond(ctx)
	return result, err
}

// takeSecond is called when the first message has done all that it does at once.
func (i *takingAtOnce) takeSecond(ctx workflow.Context) {
	if i.pair.both || ctx.Value(takingFirst{}) == nil {
		return
	}
	i.pair.both = true
	second := &interceptor.UpdateInput{Name: i.pair.second.update, Args: []any{i.pair.second.request}}
	if i.pair.refused = i.Next.ValidateUpdate(ctx, second); i.pair.refused == nil {
		_, i.pair.refused = i.Next.ExecuteUpdate(ctx, second)
	}
}

// waitingAtOnce is where the first message waits for its answer.
type waitingAtOnce struct {
	interceptor.WorkflowOutboundInterceptorBase
	taking *takingAtOnce
}

func (w *waitingAtOnce) Await(ctx workflow.Context, condition func() bool) error {
	w.taking.takeSecond(ctx)
	return w.Next.Await(ctx, condition)
}

// tellPair records the two messages in one workflow task: no worker is there
// until the server has both.
func (r *recording) tellPair(pair pair) *history.History {
	pair.script(r.services)
	recorded := r.tell(story{way: pair.waitingForAFix(contract.Settings{}), drive: func(r *recording) {
		r.await(waitsAt(contract.StepChargePayment))
		for _, message := range pair.before {
			r.send(message.update, message.request)
		}
		r.rest()
		first := r.admit("first", pair.first)
		second := r.admit("second", pair.second)
		r.work()
		require.NoError(r.t, <-first)
		require.Equal(r.t, pair.refused, typeOf(<-second))
		for _, message := range pair.after {
			r.send(message.update, message.request)
		}
	}})
	r.work()
	defer func() { r.rest() }()
	value, err := r.temporal.QueryWorkflow(r.t.Context(), orderID, "", contract.QueryProgress)
	require.NoError(r.t, err)
	var progress contract.Progress
	require.NoError(r.t, value.Get(&progress))
	pair.requireEnd(r.t, r.services, r.ended, progress, backward[contract.StepShipOrder])
	return recorded
}

// admit sends an update and returns when the server has it. Its answer comes
// when a worker is there again.
func (r *recording) admit(id string, message message) (answer <-chan error) {
	heard := make(chan error, 1)
	go func() {
		handle, err := r.temporal.UpdateWorkflow(r.t.Context(), client.UpdateWorkflowOptions{
			UpdateID: id, WorkflowID: orderID, UpdateName: message.update, Args: []any{message.request},
			WaitForStage: client.WorkflowUpdateStageCompleted,
		})
		if err == nil {
			err = handle.Get(r.t.Context(), nil)
		}
		heard <- err
	}()
	require.Eventually(r.t, func() bool {
		ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Second)
		defer cancel()
		_, err := r.temporal.WorkflowService().PollWorkflowExecutionUpdate(ctx, &workflowservice.PollWorkflowExecutionUpdateRequest{
			Namespace: temporaltest.Namespace,
			UpdateRef: &updatepb.UpdateRef{WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: orderID}, UpdateId: id},
		})
		return err == nil
	}, time.Minute, 20*time.Millisecond)
	return heard
}

// TestThePairsOfMessagesWereTakenInAtOnce looks at the saved histories: they
// would prove nothing otherwise.
func TestThePairsOfMessagesWereTakenInAtOnce(t *testing.T) {
	for _, pair := range pairs() {
		recorded := recordedHistory(t, filepath.Join(histories, "pairs", pair.fileName()+".json"))
		accepted := map[string]int64{} // by update IDs, in which workflow task
		var task int64
		for _, event := range recorded.GetEvents() {
			switch event.GetEventType() {
			case enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
				task = event.GetEventId()
			case enums.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
				accepted[event.GetWorkflowExecutionUpdateAcceptedEventAttributes().GetProtocolInstanceId()] = task
			default:
			}
		}
		require.Contains(t, accepted, "first", pair)
		if pair.refused == "" {
			require.Equal(t, accepted["first"], accepted["second"], pair)
		} else {
			require.NotContains(t, accepted, "second", pair)
		}
	}
}
