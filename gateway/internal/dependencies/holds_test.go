package dependencies_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.uber.org/goleak"

	"orderflow/gateway/internal/dependencies"
	"orderflow/gateway/internal/workflowclient/workflowclienttest"
	"orderflow/internal/problem"
	"orderflow/workflows/contract"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type temporalServer = workflowclienttest.Server[contract.HoldInput, contract.HoldStatus]

// short keeps tests of a missing server quick.
var short = dependencies.Timeouts{
	Begin: 20 * time.Millisecond, Find: 40 * time.Millisecond, Count: 20 * time.Millisecond, Release: 20 * time.Millisecond,
}

var maintenance = dependencies.Hold{
	Since: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), By: "eve", Reason: "maintenance",
}

var back = contract.ReleaseRequest{Reason: "it is back", RequestedBy: "eve", PerSecond: 5}

// find returns a service of the list.
func find(t *testing.T, holds *dependencies.Holds, service string) *dependencies.Hold {
	t.Helper()
	all, err := holds.List(t.Context())
	require.NoError(t, err)
	for _, each := range all {
		if each.Service == service {
			return each.Hold
		}
	}
	require.Fail(t, "there is no service "+service)
	return nil
}

func TestEveryQueueIsAServices(t *testing.T) {
	server := &temporalServer{}
	holds := dependencies.New(server, nil, short)
	require.Len(t, dependencies.Services(), len(contract.Queues()))
	for _, service := range dependencies.Services() {
		require.True(t, dependencies.IsService(service))
		require.NoError(t, holds.Begin(t.Context(), service, maintenance))
	}
	for _, queue := range contract.Queues() {
		assert.Contains(t, server.Started(), contract.HoldID(queue))
	}
}

func TestAHoldIsAWorkflowThatPeopleCanRead(t *testing.T) {
	server := &temporalServer{}
	holds := dependencies.New(server, nil, short)
	require.NoError(t, holds.Begin(t.Context(), "payment", maintenance))

	options := server.Options("hold-payment")
	assert.Equal(t, contract.QueueOrders, options.TaskQueue)
	assert.Equal(t, enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL, options.WorkflowIDConflictPolicy)
	assert.True(t, options.WorkflowExecutionErrorWhenAlreadyStarted)
	assert.Zero(t, options.WorkflowExecutionTimeout+options.WorkflowRunTimeout, "it lasts as long as it has to")
	assert.Equal(t, "Hold: payment", options.StaticSummary)
	assert.Contains(t, options.StaticDetails, "POST /v1/ops/dependencies/payment/release")
}

func TestAServiceIsHeldOnceAtATimeAndAsOftenAsWanted(t *testing.T) {
	holds := dependencies.New(&temporalServer{Answer: contract.HoldStatus{Waiting: 3}, EndsWith: contract.UpdateReleaseHold}, nil, short)
	assert.Nil(t, find(t, holds, "payment"))
	for range 3 {
		require.NoError(t, holds.Begin(t.Context(), "payment", maintenance))
		assert.Equal(t, problem.Conflict, problem.CodeOf(holds.Begin(t.Context(), "payment", maintenance)))
		waiting := 3
		assert.Equal(t, &dependencies.Hold{
			Since: maintenance.Since, By: maintenance.By, Reason: maintenance.Reason, Waiting: &waiting,
		}, find(t, holds, "payment"))
		assert.Nil(t, find(t, holds, "shipping"))

		released, err := holds.Release(t.Context(), "payment", back)
		require.NoError(t, err)
		assert.Equal(t, dependencies.Released{Waiting: 3, PerSecond: 5}, released)
		assert.Nil(t, find(t, holds, "payment"))
		_, err = holds.Release(t.Context(), "payment", back)
		assert.Equal(t, problem.Conflict, problem.CodeOf(err))
	}
}

func TestAHoldWhoseAnswerWasLostIsFoundByAskingAgain(t *testing.T) {
	holds := dependencies.New(&temporalServer{LoseStarts: 1}, nil, short)
	assert.Equal(t, problem.Unavailable, problem.CodeOf(holds.Begin(t.Context(), "payment", maintenance)))
	assert.Equal(t, problem.Conflict, problem.CodeOf(holds.Begin(t.Context(), "payment", maintenance)))
	assert.NotNil(t, find(t, holds, "payment"))
}

func TestAReleaseThatIsRefusedTellsWhy(t *testing.T) {
	refused := func(kind string) error { return temporal.NewApplicationError("refused", kind) }
	for name, test := range map[string]struct {
		answer error
		code   problem.Code
	}{
		"being released": {refused(contract.ErrorNotHeld), problem.Conflict},
		"wrong values":   {refused(contract.ErrorInvalidInput), problem.Invalid},
		"a defect":       {refused("SomethingElse"), problem.Internal},
		"lost":           {errors.New("connection reset"), problem.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			holds := dependencies.New(&temporalServer{
				Update: func(context.Context, string, []any) error { return test.answer },
			}, nil, short)
			require.NoError(t, holds.Begin(t.Context(), "payment", maintenance))
			released, err := holds.Release(t.Context(), "payment", back)
			assert.Equal(t, test.code, problem.CodeOf(err))
			assert.Zero(t, released)
			assert.NotNil(t, find(t, holds, "payment"), "it is still on hold")
		})
	}
}

func TestNobodyHoldsAServiceThatOrdersDoNotCall(t *testing.T) {
	holds := dependencies.New(&temporalServer{}, nil, short)
	for _, service := range []string{"", "catalog", "orders", "Payment"} {
		assert.False(t, dependencies.IsService(service))
		assert.Equal(t, problem.NotFound, problem.CodeOf(holds.Begin(t.Context(), service, maintenance)))
		_, err := holds.Release(t.Context(), service, back)
		assert.Equal(t, problem.NotFound, problem.CodeOf(err))
	}
}

func TestWithoutTemporalNothingIsKnownOrChanged(t *testing.T) {
	holds := dependencies.New(&temporalServer{Down: true}, nil, short)
	_, listing := holds.List(t.Context())
	_, releasing := holds.Release(t.Context(), "payment", back)
	for _, err := range []error{listing, releasing, holds.Begin(t.Context(), "payment", maintenance)} {
		assert.Equal(t, problem.Unavailable, problem.CodeOf(err))
		var shown *problem.Error
		if assert.ErrorAs(t, err, &shown) {
			assert.Positive(t, shown.RetryAfter)
			assert.NotNil(t, shown.Unwrap(), "the cause is kept for the log")
		}
	}
}

func TestWithoutAWorkerAHoldIsKnownButNotWhoWaits(t *testing.T) {
	holds := dependencies.New(&temporalServer{NoWorker: true}, nil, short)
	require.NoError(t, holds.Begin(t.Context(), "payment", maintenance))
	assert.Equal(t, &maintenance, find(t, holds, "payment"))
	_, err := holds.Release(t.Context(), "payment", back)
	assert.Equal(t, problem.Unavailable, problem.CodeOf(err))
}
