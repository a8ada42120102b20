package workflows_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/encoding/protojson"

	"orderflow/activities"
	"orderflow/internal/problem"
	"orderflow/internal/temporalclient/temporaltest"
	"orderflow/services/inventory"
	"orderflow/services/notification"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
	"orderflow/workflows"
	"orderflow/workflows/contract"
)

var record = flag.Bool("record", false, "record the histories that are missing in testdata/histories")

// story is a placement on a real server, with scripted services.
type story struct {
	way    contract.Settings
	script func(*services)
	// recovery makes it the second run of an order.
	recovery *contract.Recovery
	// drive sends messages; nil when none are needed.
	drive func(*recording)
}

// stories are the histories that "make histories" records: each way in which
// an order can end. Those that older versions have recorded stay, and must
// replay for as long as such orders may be under way.
func stories() map[string]story {
	durably := contract.Settings{FastWayOff: true}
	short := contract.Settings{StepTimeout: 2 * time.Second}
	all := map[string]story{
		"ships":                 {},
		"ships-durably":         {way: durably},
		"ships-before-deadline": {way: contract.Settings{Deadline: time.Hour}, script: answers(contract.StepChargePayment, away(), nil)},
		"undone-at-deadline":    {way: contract.Settings{Deadline: 2 * time.Second}, script: answers(contract.StepChargePayment, away())},
		"blocked-then-retried": {script: blockedOnce, drive: func(r *recording) {
			r.await(blockedNow)
			r.send(contract.UpdateRetry, operator(contract.UndoChargePayment))
		}},
		"blocked-then-skipped": {script: blockedForever, drive: func(r *recording) {
			r.await(blockedNow)
			r.send(contract.UpdateSkip, operator(contract.UndoChargePayment))
		}},
		"blocked-then-resolved": {script: blockedForever, drive: func(r *recording) {
			r.await(blockedNow)
			r.send(contract.UpdateResolve, operator(contract.UndoChargePayment))
		}},
		"held-then-released": {script: answers(contract.StepReserveInventory, away(), away(), nil), drive: func(r *recording) {
			r.await(func(p contract.Progress) bool {
				return stepOf(p, contract.StepReserveInventory).State == contract.StepRunning
			})
			r.send(contract.UpdateHold, holdRequest())
			r.await(func(p contract.Progress) bool {
				return stepOf(p, contract.StepReserveInventory).State == contract.StepDone
			})
			r.send(contract.UpdateRelease, holdRequest())
		}},
		"fixed-payment": {way: contract.Settings{FixWindow: time.Hour}, script: answers(contract.StepChargePayment, declined(), nil), drive: func(r *recording) {
			r.await(waitsAt(contract.StepChargePayment))
			r.send(contract.UpdateFix, otherCard())
		}},
		"fixed-then-refused-again": {way: contract.Settings{FixWindow: 2 * time.Second}, script: answers(contract.StepChargePayment, declined()), drive: func(r *recording) {
			r.await(waitsAt(contract.StepChargePayment))
			r.send(contract.UpdateFix, otherCard())
		}},
		"recovered-and-undone":         {recovery: &contract.Recovery{Reason: "its workflow was terminated"}},
		"recovered-and-shipped":        {recovery: &contract.Recovery{Reason: "its workflow was terminated"}, script: (*services).shippedBefore},
		"waited-for-a-service-on-hold": {script: answers(contract.StepChargePayment, onHold(), nil)},
	}
	for _, step := range undoable {
		all["refused-at-"+step] = story{script: answers(step, refused())}
		all["timeout-at-"+step] = story{way: short, script: answers(step, away())}
		all["cancelled-at-"+step] = story{script: answers(step, away()), drive: func(r *recording) {
			r.await(func(p contract.Progress) bool { return stepOf(p, step).State == contract.StepRunning })
			r.send(contract.UpdateCancel, contract.CancelRequest{Reason: "changed my mind", RequestedBy: "cust-ada"})
		}}
	}
	return all
}

// answers is a script for one step; the last answer stays.
func answers(step string, script ...error) func(*services) {
	return func(s *services) { s.answer(step, script) }
}

func blockedForever(s *services) {
	s.answer(contract.StepShipOrder, forever(problem.New(problem.ShipmentRefused, "nobody lives there")))
	s.answer(contract.UndoChargePayment, forever(problem.New(problem.Conflict, "the account is closed")))
}

func blockedOnce(s *services) {
	blockedForever(s)
	s.answer(contract.UndoChargePayment, once(problem.New(problem.Conflict, "the account is closed")))
}

func blockedNow(p contract.Progress) bool {
	return p.State == contract.SagaBlocked && stepOf(p, contract.StepReserveInventory).State == contract.StepCompensated
}

func waitsAt(step string) func(contract.Progress) bool {
	return func(p contract.Progress) bool { return stepOf(p, step).State == contract.StepWaiting }
}

// TestRecordHistories writes what is missing. It is run by "make histories".
func TestRecordHistories(t *testing.T) {
	if !*record {
		t.Skip("not asked for: make histories")
	}
	addr := temporaltest.Start(t,
		"--search-attribute", contract.AttributeOrderState+"=Keyword", "--search-attribute", contract.AttributeCustomerID+"=Keyword",
		"--search-attribute", contract.AttributeFailedStep+"=Keyword", "--search-attribute", contract.AttributeNeedsAttention+"=Bool")
	quiet := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	connected, err := client.Dial(client.Options{HostPort: addr, Namespace: temporaltest.Namespace, Logger: quiet})
	require.NoError(t, err)
	defer connected.Close()

	for name, story := range stories() {
		file := filepath.Join("testdata", "histories", name+".json")
		if _, err := os.Stat(file); err == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			r := &recording{t: t, temporal: connected, services: newServices()}
			require.NoError(t, os.WriteFile(file, r.tell(story), 0o600))
		})
	}
}

// recording is one placement on a real server.
type recording struct {
	t        *testing.T
	temporal client.Client
	services *services
}

// tell runs the story to its end and returns its history.
func (r *recording) tell(story story) []byte {
	if story.script != nil {
		story.script(r.services)
	}
	defer r.work()()
	in := input(story.way)
	in.Recovery = story.recovery
	run, err := r.temporal.ExecuteWorkflow(r.t.Context(), client.StartWorkflowOptions{
		ID: orderID, TaskQueue: contract.QueueOrders, StaticSummary: "2 items, 25.00 USD",
		TypedSearchAttributes: temporal.NewSearchAttributes(
			temporal.NewSearchAttributeKeyKeyword(contract.AttributeOrderState).ValueSet(string(contract.SagaRunning))),
	}, contract.PlaceOrder, in)
	require.NoError(r.t, err)
	defer func() {
		_ = r.temporal.TerminateWorkflow(context.Background(), orderID, run.GetRunID(), "the recording failed")
	}()
	if story.drive != nil {
		story.drive(r)
	}
	_ = run.Get(r.t.Context(), nil) // most end with an error

	recorded := &history.History{}
	events := r.temporal.GetWorkflowHistory(r.t.Context(), orderID, run.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(r.t, err)
		recorded.Events = append(recorded.Events, event)
	}
	text, err := protojson.Marshal(recorded)
	require.NoError(r.t, err)
	var stable bytes.Buffer // protojson varies its spaces on purpose
	require.NoError(r.t, json.Indent(&stable, text, "", " "))
	return stable.Bytes()
}

// work polls every queue until the returned function is called.
func (r *recording) work() (stop func()) {
	var workers []worker.Worker
	for _, queue := range contract.Queues() {
		w := worker.New(r.temporal, queue, worker.Options{DisableWorkflowWorker: queue != contract.QueueOrders})
		if queue == contract.QueueOrders {
			w.RegisterWorkflow(workflows.PlaceOrder)
		}
		for _, hands := range []any{
			&activities.Orders{Client: order.NewClient(r.services)},
			&activities.Inventory{Client: inventory.NewClient(r.services)},
			&activities.Payment{Client: payment.NewClient(r.services)},
			&activities.Shipping{Client: shipping.NewClient(r.services)},
			&activities.Notification{Client: notification.NewClient(r.services)},
		} {
			w.RegisterActivity(hands)
		}
		require.NoError(r.t, w.Start())
		workers = append(workers, w)
	}
	return func() {
		for _, w := range workers {
			w.Stop()
		}
	}
}

func (r *recording) await(until func(contract.Progress) bool) {
	require.Eventually(r.t, func() bool {
		value, err := r.temporal.QueryWorkflow(r.t.Context(), orderID, "", contract.QueryProgress)
		if err != nil {
			return false
		}
		var progress contract.Progress
		return value.Get(&progress) == nil && until(progress)
	}, time.Minute, 20*time.Millisecond)
}

func (r *recording) send(update string, request any) {
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	handle, err := r.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: orderID, UpdateName: update, Args: []any{request}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	require.NoError(r.t, err)
	require.NoError(r.t, handle.Get(ctx, nil))
}
