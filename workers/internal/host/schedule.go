package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"orderflow/internal/payloadcodec"
	"orderflow/workflows/contract"
)

const (
	// catchUp is short: a round looks at everything since the last one, so a
	// round that was missed is missed by nobody.
	catchUp = 10 * time.Second
	// longestRound ends a round that hangs, which would keep the next ones from
	// beginning. It holds nothing, and the next one begins where the last one
	// that ended has ended.
	longestRound = time.Hour
)

// scheduleReconcile makes, changes or removes the schedule of Reconcile, as the
// settings say. Workers that start together agree: whoever comes first makes
// it, the others find it as they want it. An operator's pause stays.
//
// The schedule is never encrypted: it says nothing of any order, and it is there
// for longer than any key.
func scheduleReconcile(ctx context.Context, connected client.Client, cfg Settings) error {
	if !slices.Contains(cfg.Queues, contract.QueueOrders) {
		return nil // another worker runs it
	}
	c, err := client.NewClientFromExistingWithContext(ctx, connected, client.Options{
		Namespace: cfg.Temporal.Namespace, DataConverter: plain{converter.GetDefaultDataConverter()},
	})
	if err != nil {
		return fmt.Errorf("scheduling %s: %w", contract.Reconcile, err)
	}
	defer c.Close() // the connection stays open for the other one
	handle := c.ScheduleClient().GetHandle(ctx, contract.ReconcileID)
	if cfg.ReconcileEvery == 0 {
		if err := handle.Delete(ctx); err != nil && !isNotFound(err) {
			return fmt.Errorf("removing the schedule of %s: %w", contract.Reconcile, err)
		}
		return nil
	}
	wanted := reconcileSchedule(cfg)
	_, err = c.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: contract.ReconcileID, Spec: *wanted.Spec, Action: wanted.Action,
		Overlap: wanted.Policy.Overlap, CatchupWindow: wanted.Policy.CatchupWindow,
	})
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		err = handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(found client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			if sameSchedule(found.Description.Schedule, wanted) {
				return nil, temporal.ErrSkipScheduleUpdate
			}
			wanted.State = found.Description.Schedule.State
			return &client.ScheduleUpdate{Schedule: &wanted}, nil
		}})
	}
	if err != nil {
		return fmt.Errorf("scheduling %s: %w", contract.Reconcile, err)
	}
	return nil
}

func reconcileSchedule(cfg Settings) client.Schedule {
	return client.Schedule{
		Spec:   &client.ScheduleSpec{Intervals: []client.ScheduleIntervalSpec{{Every: cfg.ReconcileEvery}}},
		Policy: &client.SchedulePolicies{Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: catchUp},
		Action: &client.ScheduleWorkflowAction{
			ID:                 contract.ReconcileID,
			Workflow:           contract.Reconcile,
			TaskQueue:          contract.QueueOrders,
			Args:               []any{contract.ReconcileInput{Grace: cfg.ReconcileGrace}},
			WorkflowRunTimeout: longestRound,
			StaticSummary:      "looks for orders that no workflow takes to their end",
		},
	}
}

// plain reads a payload that it cannot decode as empty, so that a schedule that
// was written with a key, which may be gone, is written anew instead of ending
// the start.
type plain struct{ converter.DataConverter }

func (p plain) FromPayload(payload *commonpb.Payload, value any) error {
	if string(payload.GetMetadata()[converter.MetadataEncoding]) == payloadcodec.Encoding {
		return nil
	}
	return p.DataConverter.FromPayload(payload, value)
}

// sameSchedule reports whether a schedule is as it is wanted. Its workflow's
// argument comes as it is stored.
func sameSchedule(found, wanted client.Schedule) bool {
	has, ok := found.Action.(*client.ScheduleWorkflowAction)
	wants := wanted.Action.(*client.ScheduleWorkflowAction)
	if !ok || len(has.Args) != 1 || found.Spec == nil || found.Policy == nil {
		return false
	}
	payload, ok := has.Args[0].(*commonpb.Payload)
	if !ok {
		return false
	}
	var input contract.ReconcileInput
	if err := converter.GetDefaultDataConverter().FromPayload(payload, &input); err != nil {
		return false
	}
	return slices.Equal(found.Spec.Intervals, wanted.Spec.Intervals) &&
		found.Policy.Overlap == wanted.Policy.Overlap && found.Policy.CatchupWindow == wanted.Policy.CatchupWindow &&
		has.Workflow == wants.Workflow && has.TaskQueue == wants.TaskQueue &&
		has.WorkflowRunTimeout == wants.WorkflowRunTimeout && has.StaticSummary == wants.StaticSummary &&
		input == wants.Args[0]
}

func isNotFound(err error) bool {
	var notFound *serviceerror.NotFound
	return errors.As(err, &notFound)
}
