package workflows

import (
	"go.temporal.io/sdk/workflow"

	"orderflow/services/order"
	"orderflow/workflows/contract"
)

// interventions counts what people decided about the order.
type interventions struct {
	recording int
	last      int
}

// record keeps a decision in the order's event stream, beside everything else:
// it has effect at once, also while the order service is away.
func (s *saga) record(ctx workflow.Context, action order.InterventionAction, step, by, reason string) {
	// The number rises with time, so that the run of a recovery does not use
	// those of the run before it again.
	now := workflow.Now(ctx)
	s.interventions.last = max(s.interventions.last+1, int(now.UnixMilli()))
	request := order.InterventionRequest{
		Key:          order.Key{OrderID: s.in.OrderID, Step: order.InterventionStep, Revision: s.interventions.last},
		Intervention: order.Intervention{Action: action, Step: step, Actor: by, Reason: plain(reason), At: now},
	}
	s.interventions.recording++
	s.progress.decided(now, string(action), step, by, reason)
	s.progress.publish(s.backward)
	workflow.Go(s.backward, func(ctx workflow.Context) {
		// There may be no order yet that could keep it; see activities.
		policy := durablePolicy{summary: "Record: " + string(action) + " by " + by}
		err := s.patiently(ctx, contract.RecordIntervention, func() error {
			return s.callDurably(ctx, contract.RecordIntervention, orders.RecordIntervention, policy, request, nil)
		})
		if err != nil {
			workflow.GetLogger(ctx).Error("A decision is in the workflow's history only", "orderId", s.in.OrderID, "error", err)
		}
		s.interventions.recording--
	})
}

// awaitRecorded lets the decisions come into the stream before the end of the
// order, which they led to. It does not wait for ever: an order that was never
// created keeps none.
func (s *saga) awaitRecorded() {
	pause(s.backward, stepTimeout, "Wait for the record of decisions", func() bool { return s.interventions.recording == 0 })
}
