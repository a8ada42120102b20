package host

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"orderflow/activities"
	"orderflow/internal/rpc"
	"orderflow/workflows/contract"
)

// visibility answers with the open workflows of these IDs.
type visibility struct {
	mu   sync.Mutex
	ids  []string
	err  error
	hang bool
	// ended are the workflows of those IDs that have ended, and gone those that
	// nobody knows, whatever the list says. The others run, unless they cannot be
	// asked.
	ended, gone map[string]bool
	unasked     error
	// failures is how many of the first questions are not answered.
	failures int
	asks     int
}

func (v *visibility) set(err error, ids ...string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.err, v.ids = err, ids
}

func (v *visibility) asked() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.asks
}

func (v *visibility) ListWorkflow(ctx context.Context, request *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	if v.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asks++
	if !strings.Contains(request.GetQuery(), `ExecutionStatus = "Running"`) {
		return nil, errors.New("ended holds are not asked for")
	}
	if v.failures > 0 {
		v.failures--
		return nil, errors.New("no answer")
	}
	found := &workflowservice.ListWorkflowExecutionsResponse{}
	for _, id := range v.ids {
		found.Executions = append(found.Executions, &workflowpb.WorkflowExecutionInfo{
			Execution: &commonpb.WorkflowExecution{WorkflowId: id},
		})
	}
	return found, v.err
}

func (v *visibility) DescribeWorkflowExecution(ctx context.Context, id, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	if v.hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	status := enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	switch {
	case v.unasked != nil:
		return nil, v.unasked
	case v.gone[id]:
		return nil, serviceerror.NewNotFound("no such workflow")
	case v.ended[id]:
		status = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{Status: status}}, nil
}

// target counts the calls that arrive.
type target struct{ calls int }

func (s *target) Call(context.Context, string, string, any, any) error {
	s.calls++
	return nil
}

// heldQueues calls every service once, and returns the queues of those that
// are on hold.
func heldQueues(t *testing.T, h *holds) []string {
	t.Helper()
	held := []string{}
	for _, queue := range contract.Queues() {
		service := &target{}
		err := h.caller(queue, service).Call(t.Context(), "POST", "/", nil, nil)
		if errors.Is(err, activities.ErrOnHold) {
			require.Zero(t, service.calls, "a service on hold is not called")
			require.ErrorContains(t, err, targetOf[queue])
			held = append(held, queue)
		} else {
			require.NoError(t, err)
			require.Equal(t, 1, service.calls)
		}
	}
	return held
}

func TestAWorkerHoldsWhatTheLastAnswerSays(t *testing.T) {
	away := errors.New("no answer")
	type answer struct {
		err error
		ids []string
	}
	holds := func(ids ...string) answer { return answer{ids: ids} }
	for name, test := range map[string]struct {
		answers []answer
		held    []string
	}{
		"no hold":                 {[]answer{holds()}, []string{}},
		"one hold":                {[]answer{holds("hold-payment")}, []string{contract.QueuePayment}},
		"several holds":           {[]answer{holds("hold-notification", "hold-orders")}, []string{contract.QueueOrders, contract.QueueNotification}},
		"released":                {[]answer{holds("hold-payment"), holds()}, []string{}},
		"another one":             {[]answer{holds("hold-payment"), holds("hold-shipping")}, []string{contract.QueueShipping}},
		"an unknown service":      {[]answer{holds("hold-catalog", "payment", "hold-")}, []string{}},
		"no answer at all":        {[]answer{{err: away}}, []string{}},
		"no answer during a hold": {[]answer{holds("hold-payment"), {err: away}, {err: away}}, []string{contract.QueuePayment}},
		"no answer after a hold":  {[]answer{holds("hold-payment"), holds(), {err: away}}, []string{}},
		"released meanwhile":      {[]answer{holds("hold-payment"), {err: away}, holds()}, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			server := &visibility{}
			h := newHolds(server, zap.NewNop())
			h.letThrough()
			for _, answer := range test.answers {
				server.set(answer.err, answer.ids...)
				require.ErrorIs(t, h.look(t.Context()), answer.err)
			}
			require.Equal(t, test.held, heldQueues(t, h))
		})
	}
}

// The list may lag behind, keep what has ended, or not be there at all.
func TestAHoldIsDroppedWhenItsWorkflowDeniesIt(t *testing.T) {
	const hold = "hold-payment"
	away := errors.New("no answer")
	for name, test := range map[string]struct {
		list        error
		ended, gone map[string]bool
		unasked     error
		held        []string
	}{
		"it runs":                            {held: []string{contract.QueuePayment}},
		"it has ended":                       {ended: map[string]bool{hold: true}, held: []string{}},
		"nobody knows it":                    {gone: map[string]bool{hold: true}, held: []string{}},
		"another one has ended":              {ended: map[string]bool{"hold-orders": true}, held: []string{contract.QueuePayment}},
		"it cannot be asked":                 {unasked: away, held: []string{contract.QueuePayment}},
		"it runs, and there is no list":      {list: away, held: []string{contract.QueuePayment}},
		"it has ended, and there is none":    {list: away, ended: map[string]bool{hold: true}, held: []string{}},
		"nobody knows it, and there is none": {list: away, gone: map[string]bool{hold: true}, held: []string{}},
		"there is no answer at all":          {list: away, unasked: away, held: []string{contract.QueuePayment}},
	} {
		t.Run(name, func(t *testing.T) {
			server := &visibility{ids: []string{hold}}
			h := newHolds(server, zap.NewNop())
			h.letThrough()
			require.NoError(t, h.look(t.Context()))
			require.Equal(t, []string{contract.QueuePayment}, heldQueues(t, h))

			server.err, server.ended, server.gone, server.unasked = test.list, test.ended, test.gone, test.unasked
			require.ErrorIs(t, h.look(t.Context()), test.list)
			require.Equal(t, test.held, heldQueues(t, h))
		})
	}
}

func TestAChangeOfAHoldIsLoggedOnce(t *testing.T) {
	core, logs := observer.New(zap.InfoLevel)
	server := &visibility{}
	h := newHolds(server, zap.New(core))
	for _, ids := range [][]string{nil, {"hold-orders"}, {"hold-orders"}, nil, nil} {
		server.set(nil, ids...)
		require.NoError(t, h.look(t.Context()))
	}
	require.Equal(t, 2, logs.Len())
	for i, held := range []bool{true, false} {
		require.Equal(t, map[string]any{"service": "order", "held": held}, logs.All()[i].ContextMap())
	}
}

// watching runs watch until the test has it stopped.
func watching(t *testing.T, h *holds) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- h.watch(ctx) }()
	return func() {
		cancel()
		require.NoError(t, <-ended)
	}
}

func TestAHoldIsFollowedWithinSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := &visibility{}
		h := newHolds(server, zap.NewNop())
		stop := watching(t, h)
		synctest.Wait()
		for i, ids := range [][]string{{"hold-payment"}, nil, {"hold-shipping"}} {
			server.set(nil, ids...)
			<-time.After(holdsEvery) // the bubble's clock
			synctest.Wait()
			require.Len(t, heldQueues(t, h), len(ids))
			require.Equal(t, i+2, server.asked())
		}
		stop()
		asked := server.asked()
		<-time.After(time.Minute)
		require.Equal(t, asked, server.asked(), "nobody looks any more")
	})
}

// A worker that starts during a hold calls nothing before it knows of it, also
// when its first looks are not answered.
func TestTheFirstCallWaitsForAnAnswer(t *testing.T) {
	for name, unanswered := range map[string]int{"at once": 0, "at the second look": 1, "at the last look": firstLooks - 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := &visibility{ids: []string{"hold-payment"}, failures: unanswered}
				h := newHolds(server, zap.NewNop())
				defer watching(t, h)()
				began := time.Now()
				require.Equal(t, []string{contract.QueuePayment}, heldQueues(t, h))
				require.Equal(t, time.Duration(unanswered)*holdsEvery, time.Since(began))
				require.Equal(t, unanswered+1, server.asked(), "a call does not look")
			})
		})
	}
}

// Orders are not stopped by a list that cannot be had.
func TestLooksWithoutAnAnswerKeepNobodyForLong(t *testing.T) {
	for name, server := range map[string]*visibility{
		"refused": {failures: 1000},
		"hanging": {hang: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHolds(server, zap.NewNop())
				defer watching(t, h)()
				began := time.Now()
				require.Empty(t, heldQueues(t, h))
				require.LessOrEqual(t, time.Since(began), firstLooks*holdsEvery)
			})
		})
	}
}

func TestWhoCannotWaitForTheFirstAnswerMayComeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHolds(&visibility{hang: true}, zap.NewNop())
		defer watching(t, h)()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		service := &target{}
		err := h.caller(contract.QueuePayment, service).Call(ctx, "POST", "/", nil, nil)
		var failure *rpc.Error
		require.ErrorAs(t, err, &failure)
		require.Equal(t, rpc.Unavailable, failure.Reason)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Zero(t, service.calls)
	})
}

// A worker that drains before it knows finishes what it has begun.
func TestNobodyWaitsForAWatchThatHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHolds(&visibility{hang: true}, zap.NewNop())
		watching(t, h)()
		require.Empty(t, heldQueues(t, h))
	})
}
