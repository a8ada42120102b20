package workflows_test

import (
	"context"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"orderflow/workflows/contract"
)

// storiesOfDependencies are the histories of the workflows that hold a service
// and let the orders go on. The server of the recordings suggests to go on as a
// new run after longHistory events.
func storiesOfDependencies() map[string]func(*recording) *history.History {
	return map[string]func(*recording) *history.History{
		"held-then-released": func(r *recording) *history.History {
			held := r.holdPayment(2)
			r.releasePayment(held)
			return r.historyOf(held.GetID(), held.GetRunID())
		},
		"held-on": func(r *recording) *history.History {
			held := r.holdPayment(longHistory)
			r.awaitNextRun(held)
			r.releasePayment(held)
			return r.historyOf(held.GetID(), held.GetRunID())
		},
		"held-on-then-released": func(r *recording) *history.History {
			held := r.holdPayment(longHistory)
			r.awaitNextRun(held)
			r.releasePayment(held)
			return r.historyOf(held.GetID(), "")
		},
		"let-go": func(r *recording) *history.History {
			release := r.letGo(2, 3)
			require.NoError(r.t, release.Get(r.t.Context(), nil))
			return r.historyOf(release.GetID(), release.GetRunID())
		},
		"letting-go": func(r *recording) *history.History {
			release := r.letGo(3, longHistory)
			first := release.GetRunID()
			require.NoError(r.t, release.Get(r.t.Context(), nil))
			return r.historyOf(release.GetID(), first)
		},
		"letting-go-to-the-end": func(r *recording) *history.History {
			release := r.letGo(3, longHistory)
			require.NoError(r.t, release.Get(r.t.Context(), nil))
			return r.historyOf(release.GetID(), "")
		},
	}
}

// holdPayment puts the service on hold, and lets so many orders ask for the
// release, one after the other. Such orders do not exist.
func (r *recording) holdPayment(orders int) client.WorkflowRun {
	r.work()
	r.t.Cleanup(func() { r.rest() })
	held, err := r.temporal.ExecuteWorkflow(r.t.Context(), client.StartWorkflowOptions{
		ID: contract.HoldID(contract.QueuePayment), TaskQueue: contract.QueueOrders,
	}, contract.HoldDependency, contract.HoldInput{
		Queue: contract.QueuePayment, Reason: "maintenance", RequestedBy: "ops-jane", Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	})
	require.NoError(r.t, err)
	r.t.Cleanup(func() {
		_ = r.temporal.TerminateWorkflow(context.Background(), held.GetID(), "", "the recording failed")
	})
	for n := range orders {
		require.NoError(r.t, r.temporal.SignalWorkflow(r.t.Context(), held.GetID(), "", contract.SignalAwaitRelease, fmt.Sprintf("order-%d", n+1)))
		require.Eventually(r.t, func() bool {
			value, err := r.temporal.QueryWorkflow(r.t.Context(), held.GetID(), "", contract.QueryHold)
			var status contract.HoldStatus
			return err == nil && value.Get(&status) == nil && status.Waiting == n+1
		}, time.Minute, 5*time.Millisecond)
	}
	return held
}

func (r *recording) awaitNextRun(first client.WorkflowRun) {
	events := r.historyOf(first.GetID(), first.GetRunID()).GetEvents()
	require.Equal(r.t, enums.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW, events[len(events)-1].GetEventType())
}

func (r *recording) releasePayment(held client.WorkflowRun) {
	handle, err := r.temporal.UpdateWorkflow(r.t.Context(), client.UpdateWorkflowOptions{
		WorkflowID: held.GetID(), UpdateName: contract.UpdateReleaseHold, WaitForStage: client.WorkflowUpdateStageCompleted,
		Args: []any{contract.ReleaseRequest{Reason: "it is back", RequestedBy: "ops-jane", PerSecond: 1000}},
	})
	require.NoError(r.t, err)
	require.NoError(r.t, handle.Get(r.t.Context(), nil))
	require.NoError(r.t, r.temporal.GetWorkflow(r.t.Context(), held.GetID(), "").Get(r.t.Context(), nil))
}

// letGo starts the release of so many orders.
func (r *recording) letGo(perSecond, orders int) client.WorkflowRun {
	r.work()
	r.t.Cleanup(func() { r.rest() })
	in := contract.ReleaseInput{Queue: contract.QueuePayment, PerSecond: perSecond}
	for n := range orders {
		in.Orders = append(in.Orders, fmt.Sprintf("order-%d", n+1))
	}
	release, err := r.temporal.ExecuteWorkflow(r.t.Context(), client.StartWorkflowOptions{
		ID: "release-payment", TaskQueue: contract.QueueOrders,
	}, contract.ReleaseDependency, in)
	require.NoError(r.t, err)
	return release
}
