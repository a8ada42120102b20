package host

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"go.temporal.io/sdk/activity"

	"orderflow/internal/resilience"
	"orderflow/internal/rpc"
)

// entrance is what the activities' calls to one service pass before anything
// else, so that none holds one of the worker's slots for longer than it is
// served. The slots of a service's queue are those of its two pools together;
// the slots of the fast way are all services'.
//
//   - A fast attempt waits in the fast lane.
//   - A durable attempt does not wait: when as many are under way as the pool
//     of forward calls has places, it comes back later. What is left of the
//     queue's slots is for compensations.
//   - A compensation passes: its pool has a queue of its own.
type entrance struct {
	target  string
	fast    *fastLane
	durable *resilience.Bulkhead
	next    rpc.Caller
	// refused counts the attempts that were sent away.
	refused struct{ fast, durable atomic.Int64 }
}

func newEntrance(target string, pool, fastSlots int, next rpc.Caller) *entrance {
	return &entrance{
		target:  target,
		fast:    newFastLane(target, pool, fastSlots),
		durable: resilience.NewBulkhead(target, resilience.BulkheadConfig{MaxConcurrent: pool}),
		next:    next,
	}
}

// Call calls in its turn, or fails with an *rpc.Error of BulkheadFull.
func (e *entrance) Call(ctx context.Context, method, path string, in, out any) error {
	leave, err := e.enter(ctx)
	if err != nil {
		if errors.Is(err, resilience.ErrBulkheadFull) {
			return &rpc.Error{Target: e.target, Reason: rpc.BulkheadFull, Err: err}
		}
		return fmt.Errorf("waiting for a turn at %s: %w", e.target, err)
	}
	defer leave()
	return e.next.Call(ctx, method, path, in, out)
}

func (e *entrance) enter(ctx context.Context) (leave func(), err error) {
	switch {
	case rpc.PurposeOf(ctx) == rpc.Compensation:
		return func() {}, nil
	case activity.GetInfo(ctx).IsLocalActivity:
		leave, err = e.fast.enter(ctx)
		count(&e.refused.fast, err)
	default:
		leave, err = e.durable.Acquire(ctx)
		count(&e.refused.durable, err)
	}
	return leave, err
}

// count counts a refusal. An attempt that was cancelled has not been refused.
func count(refusals *atomic.Int64, err error) {
	if errors.Is(err, resilience.ErrBulkheadFull) {
		refusals.Add(1)
	}
}
