package host

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"orderflow/internal/payloadcodec"
	"orderflow/internal/payloadcodec/keyring"
	"orderflow/internal/temporalclient/temporaltest"
	"orderflow/workflows/contract"
)

func reconciling(t *testing.T, args ...string) Settings {
	t.Helper()
	settings, err := load(t, "v1", args...)
	require.NoError(t, err)
	return settings
}

// scheduled describes the schedule, with the grace that its rounds have.
func scheduled(t *testing.T, c client.Client) (*client.ScheduleDescription, time.Duration) {
	t.Helper()
	found, err := c.ScheduleClient().GetHandle(t.Context(), contract.ReconcileID).Describe(t.Context())
	require.NoError(t, err)
	action := found.Schedule.Action.(*client.ScheduleWorkflowAction)
	require.Equal(t, contract.Reconcile, action.Workflow)
	require.Equal(t, contract.QueueOrders, action.TaskQueue)
	var input contract.ReconcileInput
	require.NoError(t, converter.GetDefaultDataConverter().FromPayload(action.Args[0].(*commonpb.Payload), &input))
	return found, input.Grace
}

func TestWorkersThatStartTogetherMakeOneSchedule(t *testing.T) {
	connected := dial(t, temporaltest.Start(t))
	failures := make(chan error)
	const workers = 4
	for range workers {
		go func() {
			failures <- scheduleReconcile(t.Context(), connected, reconciling(t))
		}()
	}
	for range workers {
		require.NoError(t, <-failures)
	}
	found, grace := scheduled(t, connected)
	require.Equal(t, []client.ScheduleIntervalSpec{{Every: 5 * time.Minute}}, found.Schedule.Spec.Intervals)
	require.Equal(t, 2*time.Minute, grace)
	require.Equal(t, enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, found.Schedule.Policy.Overlap)
	require.True(t, sameSchedule(found.Schedule, reconcileSchedule(reconciling(t))), "nobody changes it again")
}

func TestTheScheduleFollowsTheSettings(t *testing.T) {
	connected := dial(t, temporaltest.Start(t))
	schedule := func(args ...string) {
		require.NoError(t, scheduleReconcile(t.Context(), connected, reconciling(t, args...)))
	}
	every := func() time.Duration {
		found, _ := scheduled(t, connected)
		require.Len(t, found.Schedule.Spec.Intervals, 1)
		return found.Schedule.Spec.Intervals[0].Every
	}
	schedule()
	schedule("--reconcile-every=1h")
	require.Equal(t, time.Hour, every())

	handle := connected.ScheduleClient().GetHandle(t.Context(), contract.ReconcileID)
	require.NoError(t, handle.Pause(t.Context(), client.SchedulePauseOptions{Note: "by an operator"}))
	schedule("--reconcile-every=1h", "--reconcile-grace=7m")
	found, grace := scheduled(t, connected)
	require.Equal(t, 7*time.Minute, grace)
	require.True(t, found.Schedule.State.Paused, "the pause stays")
	require.Equal(t, "by an operator", found.Schedule.State.Note)

	schedule("--reconcile-every=3h", "--queues=payment")
	require.Equal(t, time.Hour, every(), "a worker that does not run it leaves it alone")

	schedule("--reconcile-every=0s")
	_, err := handle.Describe(t.Context())
	require.True(t, isNotFound(err), "%v", err)
	schedule("--reconcile-every=0s")
	schedule("--reconcile-every=2h")
	require.Equal(t, 2*time.Hour, every())
}

func TestAnIntervalOfReconcileThatIsNoneIsRefused(t *testing.T) {
	for _, wrong := range []string{"-1s", "1ms", "999ms"} {
		_, err := load(t, "v1", "--reconcile-every="+wrong)
		require.ErrorContains(t, err, "--reconcile-every", wrong)
	}
	for _, right := range []string{"0s", "1s", "24h"} {
		_, err := load(t, "v1", "--reconcile-every="+right)
		require.NoError(t, err, right)
	}
}

// A schedule outlives every key: workers with one, with another one, and with
// none find it, and whoever reads it needs no key.
func TestTheScheduleNeedsNoKey(t *testing.T) {
	addr := temporaltest.Start(t)
	var args []string
	for _, key := range []string{"first", "second", ""} {
		codec := payloadcodec.Codec{}
		if key != "" {
			keys, err := keyring.New(key, map[string][]byte{key: make([]byte, 32)})
			require.NoError(t, err)
			codec = payloadcodec.New(keys)
		}
		connected := dialWith(t, addr, codec)
		args = append(args, "--reconcile-every="+strconv.Itoa(1+len(args))+"h")
		require.NoError(t, scheduleReconcile(t.Context(), connected, reconciling(t, args[len(args)-1])))
		found, grace := scheduled(t, dial(t, addr))
		require.Equal(t, 2*time.Minute, grace)
		require.NotEmpty(t, found.Schedule.Action.(*client.ScheduleWorkflowAction).StaticSummary)
	}
}

// Workers of before wrote it with their key.
func TestAScheduleThatNobodyCanReadIsWrittenAnew(t *testing.T) {
	addr := temporaltest.Start(t)
	keys, err := keyring.New("gone", map[string][]byte{"gone": make([]byte, 32)})
	require.NoError(t, err)
	encrypting := dialWith(t, addr, payloadcodec.New(keys))
	before := reconcileSchedule(reconciling(t))
	handle, err := encrypting.ScheduleClient().Create(t.Context(), client.ScheduleOptions{
		ID: contract.ReconcileID, Spec: *before.Spec, Action: before.Action,
	})
	require.NoError(t, err)
	require.NoError(t, handle.Pause(t.Context(), client.SchedulePauseOptions{Note: "by an operator"}))
	connected := dial(t, addr)
	_, err = connected.ScheduleClient().GetHandle(t.Context(), contract.ReconcileID).Describe(t.Context())
	require.ErrorContains(t, err, "summary", "nobody can read it")

	require.NoError(t, scheduleReconcile(t.Context(), connected, reconciling(t)))
	found, grace := scheduled(t, connected)
	require.Equal(t, 2*time.Minute, grace)
	require.True(t, found.Schedule.State.Paused, "the pause stays")
}
