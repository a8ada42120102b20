package workflows_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"orderflow/activities"
	"orderflow/workflows"
	"orderflow/workflows/contract"
)

func onHold() error { return fmt.Errorf("calling it: %w", activities.ErrOnHold) }

// heldService answers a step with the hold until the order is released, at a
// moment of virtual time.
func (r *run) holdService(step, queue string, refusals int, release time.Duration) *int {
	r.services.answer(step, append(times(refusals, onHold()), nil))
	asked := 0
	r.env.OnSignalExternalWorkflow(mock.Anything, contract.HoldID(queue), "", contract.SignalAwaitRelease, orderID).
		Return(func(string, string, string, string, any) error { asked++; return nil })
	r.env.RegisterDelayedCallback(func() { r.env.SignalWorkflow(contract.SignalReleased, queue) }, release)
	return &asked
}

func TestAStepWaitsForTheReleaseOfItsServiceWithItsClockStopped(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		way.StepTimeout, way.Deadline = time.Minute, 2*time.Minute
		for _, step := range forward {
			t.Run(step, func(t *testing.T) {
				run := newRun(t, way)
				queue := map[string]string{
					contract.StepReserveInventory: contract.QueueInventory, contract.StepCommitInventory: contract.QueueInventory,
					contract.StepChargePayment: contract.QueuePayment, contract.StepShipOrder: contract.QueueShipping,
					contract.StepNotifyCustomer: contract.QueueNotification,
				}[step]
				if queue == "" {
					queue = contract.QueueOrders
				}
				// A worker may not know of the release at once.
				asked := run.holdService(step, queue, 1, 40*time.Minute)
				during := run.look(39 * time.Minute)
				run.execute()

				require.NoError(t, run.env.GetWorkflowError())
				require.Equal(t, 2, run.services.count(step))
				require.Equal(t, 1, *asked)
				require.Equal(t, contract.StepRunning, stepOf(*during, step).State, "nothing has failed")
			})
		}
	})
}

func TestAReleaseThatTheWorkersDoNotKnowYetIsWaitedOut(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, way)
		run.services.answer(contract.StepChargePayment, append(times(3, onHold()), nil))
		run.env.OnSignalExternalWorkflow(mock.Anything, contract.HoldID(contract.QueuePayment), "", contract.SignalAwaitRelease, orderID).
			Return(fmt.Errorf("no such workflow"))
		start := run.env.Now()
		run.execute()

		require.NoError(t, run.env.GetWorkflowError())
		require.Less(t, run.env.Now().Sub(start), time.Minute)
	})
}

// A worker that cannot be told of a release for a day fills no history: the
// server's limit is 51,200 events.
func TestADayOfAStaleHoldCostsFewEvents(t *testing.T) {
	// eventsOfARound are those of a refused activity, the signal that finds
	// nobody and the timer, each with its workflow task.
	const eventsOfARound = 3 + 2 + 2 + 3*3
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, way)
		run.env.SetTestTimeout(time.Minute)
		at := run.timesOf(contract.StepChargePayment)
		run.services.answer(contract.StepChargePayment, forever(onHold()))
		run.env.OnSignalExternalWorkflow(mock.Anything, contract.HoldID(contract.QueuePayment), "", contract.SignalAwaitRelease, orderID).
			Return(fmt.Errorf("no such workflow"))
		run.cancelAt(24 * time.Hour)
		run.execute()

		require.True(t, temporal.IsCanceledError(run.env.GetWorkflowError()))
		require.Less(t, len(*at)*eventsOfARound, 5_000)
		require.InDelta(t, 5*time.Second, (*at)[1]-(*at)[0], float64(time.Second), "at first it is a moment")
		for i := range (*at)[1:] {
			require.LessOrEqual(t, (*at)[i+1]-(*at)[i], 5*time.Minute+time.Second, "it goes on soon after the worker knows")
		}
	})
}

// Each hold has its own end that workers may not know yet.
func TestTheNextStaleHoldBeginsWithAShortPause(t *testing.T) {
	run := newRun(t, contract.Settings{})
	charges := run.timesOf(contract.StepChargePayment)
	undone := run.timesOf(contract.UndoChargePayment)
	run.services.answer(contract.StepChargePayment, append(times(5, onHold()), nil))
	run.services.answer(contract.StepShipOrder, forever(refused()))
	run.services.answer(contract.UndoChargePayment, append(times(2, onHold()), nil))
	run.env.OnSignalExternalWorkflow(mock.Anything, contract.HoldID(contract.QueuePayment), "", contract.SignalAwaitRelease, orderID).
		Return(fmt.Errorf("no such workflow"))
	run.execute()

	require.Len(t, *charges, 6)
	require.InDelta(t, 80*time.Second, (*charges)[5]-(*charges)[4], float64(time.Second))
	require.Len(t, *undone, 3)
	require.InDelta(t, 5*time.Second, (*undone)[1]-(*undone)[0], float64(time.Second))
}

func TestALostReleaseIsAskedForAgain(t *testing.T) {
	run := newRun(t, contract.Settings{})
	asked := run.holdService(contract.StepChargePayment, contract.QueuePayment, 2, 100*time.Hour)
	run.execute()

	require.NoError(t, run.env.GetWorkflowError())
	require.Equal(t, 2, *asked)
}

func TestAnOrderThatWaitsForAServiceCanBeCancelled(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, way)
		run.holdService(contract.StepShipOrder, contract.QueueShipping, 1, 100*time.Hour)
		answers := run.cancelAt(30 * time.Minute)
		run.execute()

		require.NoError(t, answers[0].refused)
		require.True(t, temporal.IsCanceledError(run.env.GetWorkflowError()))
		require.Equal(t, backward[contract.StepShipOrder], run.services.compensations())
	})
}

func TestACompensationThatWaitsForAServiceHoldsUpNoOther(t *testing.T) {
	eachWay(t, func(t *testing.T, way contract.Settings) {
		run := newRun(t, way)
		run.services.answer(contract.StepShipOrder, forever(refused()))
		run.holdService(contract.UndoChargePayment, contract.QueuePayment, 1, time.Hour)
		during := run.look(time.Minute)
		run.execute()

		require.Equal(t, contract.SagaCompensating, during.State, "nobody is called for")
		require.Equal(t, contract.StepCompensated, stepOf(*during, contract.StepReserveInventory).State)
		require.Equal(t, contract.SagaCompensated, run.progress().State)
		called := run.services.compensations()
		require.Equal(t, contract.UndoCreateOrder, called[len(called)-1])
	})
}

func TestAnOrderEndsWithoutItsMessageWhenTheHoldIsLong(t *testing.T) {
	run := newRun(t, contract.Settings{})
	run.services.answer(contract.StepNotifyCustomer, forever(onHold()))
	run.env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, "", contract.SignalAwaitRelease, orderID).Return(nil)
	start := run.env.Now()
	run.execute()

	require.NoError(t, run.env.GetWorkflowError())
	took := run.env.Now().Sub(start)
	require.Greater(t, took, 12*time.Hour)
	require.Less(t, took, 48*time.Hour)
}

// Who is asked nothing has not said no.
func TestARecoveryWaitsForACarrierOnHold(t *testing.T) {
	run := newRun(t, contract.Settings{})
	run.services.shippedBefore()
	run.holdService(contract.FindShipment, contract.QueueShipping, 1, time.Hour)
	run.recover(nil)

	require.NoError(t, run.env.GetWorkflowError())
	require.Empty(t, run.services.compensations())
}

func TestADecisionIsRecordedAfterTheHoldOfTheOrderService(t *testing.T) {
	run := slowStart(t, contract.Settings{})
	hold := run.send(time.Second, contract.UpdateHold, holdRequest())
	run.send(2*time.Hour, contract.UpdateRelease, holdRequest())
	run.holdService(contract.RecordIntervention, contract.QueueOrders, 1, time.Hour)
	run.execute()

	require.NoError(t, hold.refused)
	require.Equal(t, 3, run.services.count(contract.RecordIntervention), "one was refused")
}

// holding is a hold in Temporal's test environment.
func holding(t *testing.T) (*testsuite.TestWorkflowEnvironment, *[]contract.ReleaseInput) {
	var s testsuite.WorkflowTestSuite
	env := s.NewTestWorkflowEnvironment()
	env.RegisterWorkflow(workflows.HoldDependency)
	env.RegisterWorkflow(workflows.ReleaseDependency)
	env.OnWorkflow(contract.ReleaseDependency, mock.Anything, mock.Anything).Return(nil).Maybe()
	var released []contract.ReleaseInput
	env.SetOnChildWorkflowStartedListener(func(_ *workflow.Info, _ workflow.Context, args converter.EncodedValues) {
		var in contract.ReleaseInput
		require.NoError(t, args.Get(&in))
		released = append(released, in)
	})
	return env, &released
}

func TestAHoldHandsOverWhoWaitedWhenItIsReleased(t *testing.T) {
	env, released := holding(t)
	var status contract.HoldStatus
	wrong, release, late := &answer{}, &answer{}, &answer{}
	env.RegisterDelayedCallback(func() {
		for _, id := range []string{"order-1", "order-2", "order-1", "order-3"} {
			env.SignalWorkflow(contract.SignalAwaitRelease, id)
		}
	}, time.Minute)
	env.RegisterDelayedCallback(func() {
		value, err := env.QueryWorkflow(contract.QueryHold)
		require.NoError(t, err)
		require.NoError(t, value.Get(&status))
		env.UpdateWorkflow(contract.UpdateReleaseHold, "0", wrong, contract.ReleaseRequest{Reason: "x", RequestedBy: "ops-jane", PerSecond: 1001})
		env.UpdateWorkflow(contract.UpdateReleaseHold, "1", release, contract.ReleaseRequest{Reason: "it is back", RequestedBy: "ops-jane", PerSecond: 2})
		env.UpdateWorkflow(contract.UpdateReleaseHold, "2", late, contract.ReleaseRequest{Reason: "it is back", RequestedBy: "ops-jane"})
	}, time.Hour)
	env.ExecuteWorkflow(workflows.HoldDependency, contract.HoldInput{Queue: "payment", Reason: "maintenance", RequestedBy: "ops-jane"})

	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, 3, status.Waiting)
	require.Equal(t, "ops-jane", status.RequestedBy)
	require.Equal(t, contract.ErrorInvalidInput, typeOf(wrong.refused))
	require.NoError(t, release.refused)
	require.Equal(t, contract.ErrorNotHeld, typeOf(late.refused))
	require.Equal(t, []contract.ReleaseInput{{Queue: "payment", PerSecond: 2, Orders: []string{"order-1", "order-2", "order-3"}}}, *released)
}

// Two releases side by side would be twice as fast as was asked for.
func TestManyWhoWaitedAreReleasedAtOnePace(t *testing.T) {
	env, released := holding(t)
	var waiting []string
	for n := range 25_000 {
		waiting = append(waiting, fmt.Sprintf("order-%d", n))
	}
	env.RegisterDelayedCallback(func() {
		env.UpdateWorkflow(contract.UpdateReleaseHold, "1", &answer{}, contract.ReleaseRequest{Reason: "it is back", RequestedBy: "ops-jane"})
	}, time.Hour)
	env.ExecuteWorkflow(workflows.HoldDependency, contract.HoldInput{Queue: "payment", Waiting: waiting})

	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, []contract.ReleaseInput{{Queue: "payment", PerSecond: contract.DefaultReleaseRate, Orders: waiting}}, *released)
}

// An order that was refused just before the release asks while the hold ends.
func TestWhoAsksWhileTheHoldEndsIsReleasedToo(t *testing.T) {
	env, released := holding(t)
	asks := func(orderID string) { env.SignalWorkflow(contract.SignalAwaitRelease, orderID) }
	env.RegisterDelayedCallback(func() {
		env.UpdateWorkflow(contract.UpdateReleaseHold, "1", &answer{}, contract.ReleaseRequest{Reason: "it is back", RequestedBy: "ops-jane", PerSecond: 2})
		asks("order-2")
	}, time.Hour)
	env.SetOnChildWorkflowStartedListener(func(_ *workflow.Info, _ workflow.Context, args converter.EncodedValues) {
		var in contract.ReleaseInput
		require.NoError(t, args.Get(&in))
		if *released = append(*released, in); len(*released) == 1 {
			asks("order-3")
		}
	})
	env.ExecuteWorkflow(workflows.HoldDependency, contract.HoldInput{Queue: "payment", Waiting: []string{"order-1"}})

	require.NoError(t, env.GetWorkflowError())
	var all []string
	for _, part := range *released {
		all = append(all, part.Orders...)
	}
	require.ElementsMatch(t, []string{"order-1", "order-2", "order-3"}, all)
}

// nextRun is the input with which a workflow goes on as a new run.
func nextRun(t *testing.T, ended error, kind string, input any) {
	t.Helper()
	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, ended, &next)
	require.Equal(t, kind, next.WorkflowType.Name)
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(next.Input, input))
}

// Also the order whose question makes the history too long is carried on.
func TestALongHoldGoesOnWithAllWhoWait(t *testing.T) {
	env, released := holding(t)
	env.RegisterDelayedCallback(func() {
		env.SignalWorkflow(contract.SignalAwaitRelease, "order-2")
		env.SignalWorkflow(contract.SignalAwaitRelease, "order-1")
	}, time.Minute)
	env.RegisterDelayedCallback(func() {
		env.SetContinueAsNewSuggested(true)
		env.SignalWorkflow(contract.SignalAwaitRelease, "order-3")
	}, time.Hour)
	in := contract.HoldInput{
		Queue: "payment", Reason: "maintenance", RequestedBy: "ops-jane",
		Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Waiting: []string{"order-1"},
	}
	env.ExecuteWorkflow(workflows.HoldDependency, in)

	var next contract.HoldInput
	nextRun(t, env.GetWorkflowError(), contract.HoldDependency, &next)
	in.Waiting = []string{"order-1", "order-2", "order-3"}
	require.Equal(t, in, next)
	require.Empty(t, *released, "it is still on hold")
}

func TestAReleaseOfALongHoldIsARelease(t *testing.T) {
	env, released := holding(t)
	env.RegisterDelayedCallback(func() {
		env.SetContinueAsNewSuggested(true)
		env.UpdateWorkflow(contract.UpdateReleaseHold, "1", &answer{}, contract.ReleaseRequest{Reason: "it is back", RequestedBy: "ops-jane"})
	}, time.Hour)
	env.ExecuteWorkflow(workflows.HoldDependency, contract.HoldInput{Queue: "payment", Waiting: []string{"order-1"}})

	require.NoError(t, env.GetWorkflowError())
	require.Len(t, *released, 1)
}

func TestALongReleaseGoesOnWithTheRest(t *testing.T) {
	var s testsuite.WorkflowTestSuite
	env := s.NewTestWorkflowEnvironment()
	env.RegisterWorkflow(workflows.ReleaseDependency)
	told := 0
	env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, "", contract.SignalReleased, "payment").
		Return(func(string, string, string, string, any) error { told++; return nil })
	env.RegisterDelayedCallback(func() { env.SetContinueAsNewSuggested(true) }, 500*time.Millisecond)
	orders := []string{"order-1", "order-2", "order-3"}
	env.ExecuteWorkflow(workflows.ReleaseDependency, contract.ReleaseInput{Queue: "payment", PerSecond: 1, Orders: orders})

	var next contract.ReleaseInput
	nextRun(t, env.GetWorkflowError(), contract.ReleaseDependency, &next)
	require.Equal(t, contract.ReleaseInput{Queue: "payment", PerSecond: 1, Orders: orders[told:]}, next)
	require.Equal(t, 2, told)
}

func TestThoseWhoWaitedGoOnAtTheRamp(t *testing.T) {
	var s testsuite.WorkflowTestSuite
	env := s.NewTestWorkflowEnvironment()
	told := map[string]time.Duration{}
	var telling sync.Mutex // they are told side by side
	start := env.Now()
	env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, "", contract.SignalReleased, "payment").
		Return(func(_, id, _, _ string, _ any) error {
			telling.Lock()
			defer telling.Unlock()
			told[id] = env.Now().Sub(start).Round(100 * time.Millisecond)
			if id == "order-2" {
				return fmt.Errorf("it has ended")
			}
			return nil
		})
	env.ExecuteWorkflow(workflows.ReleaseDependency, contract.ReleaseInput{
		Queue: "payment", PerSecond: 2, Orders: []string{"order-1", "order-2", "order-3", "order-4", "order-5"},
	})

	require.NoError(t, env.GetWorkflowError())
	require.Equal(t, map[string]time.Duration{
		"order-1": 0, "order-2": 0, "order-3": time.Second, "order-4": time.Second, "order-5": 2 * time.Second,
	}, told)
}

// Telling an order takes the server a while; that is no part of the pace.
func TestTheRampDoesNotTellOneAfterTheOther(t *testing.T) {
	var s testsuite.WorkflowTestSuite
	env := s.NewTestWorkflowEnvironment()
	var orders []string
	for n := range 100 {
		orders = append(orders, fmt.Sprintf("order-%d", n))
	}
	env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, "", contract.SignalReleased, "payment").
		After(100 * time.Millisecond).Return(nil)
	start := env.Now()
	env.ExecuteWorkflow(workflows.ReleaseDependency, contract.ReleaseInput{Queue: "payment", PerSecond: 50, Orders: orders})

	require.NoError(t, env.GetWorkflowError())
	require.Less(t, env.Now().Sub(start), 2*time.Second)
}
