package activities

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/services/order"
	"orderflow/workflows/contract"
)

func word(update, step string) contract.Settlement {
	return contract.Settlement{Update: update, OperatorRequest: contract.OperatorRequest{
		Step: step, Reason: "paid in cash", RequestedBy: "ops-jane",
	}}
}

// intervention is the event of the order's stream that keeps a decision.
func intervention(t *testing.T, action order.InterventionAction, step string) order.Event {
	t.Helper()
	payload, err := json.Marshal(order.Intervention{Action: action, Step: step, Actor: "ops-jane", Reason: "paid in cash", At: late})
	require.NoError(t, err)
	return order.Event{EventType: intervened, Payload: payload}
}

// An operator's word stands, wherever it was kept when the workflow was closed.
func TestARecoveryHonoursWhatOperatorsHaveSettled(t *testing.T) {
	resolved, skipped := word(contract.UpdateResolve, contract.StepChargePayment), word(contract.UpdateSkip, contract.StepShipOrder)
	recoveryAfter := func(run fakeRun, settled ...contract.Settlement) fakeRun {
		run = recoveryThat(run)
		run.input.(contract.PlaceOrderInput).Recovery.Settled = settled
		return run
	}
	saying := func(run fakeRun, said ...contract.Settlement) fakeRun {
		run.said = said
		return run
	}
	for name, test := range map[string]struct {
		run    *fakeRun
		stream []order.Event
		want   []contract.Settlement
	}{
		"nobody has said anything": {run: &terminated},
		"other decisions": {
			run: new(saying(terminated, word(contract.UpdateRetry, contract.StepChargePayment))),
			stream: []order.Event{
				{EventType: "OrderCreated", Payload: json.RawMessage(`{"step": 7}`)},
				intervention(t, order.InterventionHold, ""), intervention(t, order.InterventionRetry, contract.StepChargePayment),
			},
		},
		"in the stream": {
			run: &terminated,
			stream: []order.Event{
				intervention(t, order.InterventionResolve, contract.StepChargePayment), intervention(t, order.InterventionSkip, contract.StepShipOrder),
			},
			want: []contract.Settlement{resolved, skipped},
		},
		"in the stream, the history is gone": {
			stream: []order.Event{intervention(t, order.InterventionResolve, contract.StepChargePayment)},
			want:   []contract.Settlement{resolved},
		},
		"accepted, but not recorded yet": {run: new(saying(terminated, resolved)), want: []contract.Settlement{resolved}},
		"accepted and recorded": {
			run:    new(saying(terminated, resolved)),
			stream: []order.Event{intervention(t, order.InterventionResolve, contract.StepChargePayment)},
			want:   []contract.Settlement{resolved},
		},
		"carried on by a recovery": {run: new(recoveryAfter(terminated, resolved)), want: []contract.Settlement{resolved}},
		"one carried on, one said since": {
			run: new(saying(recoveryAfter(terminated, resolved), skipped)), want: []contract.Settlement{resolved, skipped},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if test.run != nil {
				w.temporal.runs[lost] = *test.run
			}
			w.services.orders[lost] = *viewOf(order.Confirmed)
			w.services.streams[lost] = test.stream
			decision, err := w.decide(suspectOf(contract.SourceOpenOrders))
			require.NoError(t, err)
			require.True(t, decision.Recovered)
			require.Equal(t, test.want, w.temporal.inputs[0].Recovery.Settled)
		})
	}
}

func TestNoRecoveryBeginsBeforeTheOperatorsWordsAreRead(t *testing.T) {
	for name, sever := range map[string]func(w *world){
		"the stream is not answered": func(w *world) { w.services.away = []string{"/v1/orders/" + lost + "/events"} },
		"the stream has an unknown payload": func(w *world) {
			w.services.streams[lost] = []order.Event{{EventType: intervened, Payload: json.RawMessage(`7`)}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.temporal.runs[lost] = terminated
			w.services.orders[lost] = *viewOf(order.Confirmed)
			sever(w)
			_, err := w.decide(suspectOf(contract.SourceOpenOrders))
			require.Error(t, err)
			require.Empty(t, w.temporal.started)
		})
	}
}

// A recovery might do again what somebody has done by hand, and nobody here can
// read what that was: somebody has to be told, instead of asking for ever.
func TestAnOrderWithAnUnreadableDecisionNeedsSomebody(t *testing.T) {
	w := newWorld(t)
	run := terminated
	run.unreadable = true
	run.said = []contract.Settlement{{Update: contract.UpdateResolve, OperatorRequest: contract.OperatorRequest{Step: contract.StepChargePayment}}}
	w.temporal.runs[lost] = run
	w.services.orders[lost] = *viewOf(order.Confirmed)
	decision, err := w.decide(suspectOf(contract.SourceOpenOrders))
	require.NoError(t, err)
	require.True(t, decision.InNeed)
	require.Empty(t, w.temporal.started)
}
