package workflows_test

import (
	"context"
	"errors"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"orderflow/workflows/contract"
)

// storiesOfRounds are the histories of Reconcile. To the server of the
// recordings a round is long: it goes on as a new run after longHistory events.
func storiesOfRounds() map[string]func(*recording) *history.History {
	return map[string]func(*recording) *history.History{
		"looks": func(r *recording) *history.History {
			run := r.reconcile(busyRound(r))
			first := run.GetRunID()
			require.NoError(r.t, run.Get(r.t.Context(), nil))
			return r.historyOf(run.GetID(), first)
		},
		"looks-to-the-end": func(r *recording) *history.History {
			run := r.reconcile(busyRound(r))
			require.NoError(r.t, run.Get(r.t.Context(), nil))
			return r.historyOf(run.GetID(), "")
		},
		"leaves-a-source": func(r *recording) *history.History {
			round := newRounds(r.t)
			round.pages[contract.SourceClosed] = []*contract.Suspects{suspects(1), nil}
			run := r.reconcile(round)
			first := run.GetRunID()
			require.NoError(r.t, run.Get(r.t.Context(), nil))
			return r.historyOf(run.GetID(), first)
		},
		"cancelled": func(r *recording) *history.History {
			round := newRounds(r.t)
			round.pages[contract.SourceClosed] = []*contract.Suspects{nil}
			round.looking = make(chan struct{}, 1)
			run := r.reconcile(round)
			<-round.looking
			require.NoError(r.t, r.temporal.CancelWorkflow(r.t.Context(), run.GetID(), run.GetRunID()))
			require.Error(r.t, run.Get(r.t.Context(), nil))
			return r.historyOf(run.GetID(), run.GetRunID())
		},
		"goes-on-from-the-last-round": (*recording).secondRound,
	}
}

// busyRound has an order for each decision.
func busyRound(r *recording) *rounds {
	round := newRounds(r.t)
	round.pages[contract.SourceClosed] = []*contract.Suspects{suspects(4, "order-a", "order-b", "order-c"), suspects(1, "order-d")}
	round.left["order-b"], round.inNeed["order-d"] = true, true
	round.verdicts["order-c"] = errors.New("away")
	return round
}

// work lets a worker do what Reconcile asks for.
func (r *rounds) work(w worker.Registry) {
	if r == nil {
		return
	}
	find := func(ctx context.Context, request contract.SuspectsRequest) (contract.Suspects, error) {
		select {
		case r.looking <- struct{}{}:
		default:
		}
		return r.find(ctx, request)
	}
	w.RegisterActivityWithOptions(find, activity.RegisterOptions{Name: contract.FindSuspects})
	w.RegisterActivityWithOptions(r.recover, activity.RegisterOptions{Name: contract.RecoverOrder})
}

func (r *recording) workAt(round *rounds) {
	r.round = round
	r.work()
	r.t.Cleanup(func() { r.rest() })
}

func (r *recording) reconcile(round *rounds) client.WorkflowRun {
	r.workAt(round)
	run, err := r.temporal.ExecuteWorkflow(r.t.Context(), client.StartWorkflowOptions{
		ID: contract.ReconcileID, TaskQueue: contract.QueueOrders,
	}, contract.Reconcile, contract.ReconcileInput{Grace: grace})
	require.NoError(r.t, err)
	return run
}

// secondRound is the history of a round that a schedule has handed the result of
// the one before.
func (r *recording) secondRound() *history.History {
	r.workAt(newRounds(r.t))
	schedule, err := r.temporal.ScheduleClient().Create(r.t.Context(), client.ScheduleOptions{
		ID: contract.ReconcileID, Paused: true,
		Action: &client.ScheduleWorkflowAction{
			ID: contract.ReconcileID, Workflow: contract.Reconcile, TaskQueue: contract.QueueOrders,
			Args: []any{contract.ReconcileInput{Grace: grace}},
		},
	})
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = schedule.Delete(context.Background()) })
	var second *client.ScheduleWorkflowExecution
	for rounds := 1; rounds <= 2; rounds++ {
		require.NoError(r.t, schedule.Trigger(r.t.Context(), client.ScheduleTriggerOptions{}))
		require.Eventually(r.t, func() bool {
			found, err := schedule.Describe(r.t.Context())
			if err != nil || len(found.Info.RecentActions) < rounds || len(found.Info.RunningWorkflows) > 0 {
				return false
			}
			second = found.Info.RecentActions[rounds-1].StartWorkflowResult
			return true
		}, time.Minute, 100*time.Millisecond)
	}
	recorded := r.historyOf(second.WorkflowID, second.FirstExecutionRunID)
	require.NotNil(r.t, recorded.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetLastCompletionResult())
	return recorded
}
