package e2e_test

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/client"

	"orderflow/internal/audit"
	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/workflows/contract"
)

// TestAServiceOnHoldStopsOrdersWithoutFailingThem puts payment on hold for all
// orders, restarts what could forget it, and releases it with a ramp.
func TestAServiceOnHoldStopsOrdersWithoutFailingThem(t *testing.T) {
	for way, environ := range map[string][]string{
		"fast way":    nil,
		"durable way": {"ORDERFLOW_FAST_WAY=off"},
	} {
		t.Run(way, func(t *testing.T) {
			p := startPausable(t, environ)
			p.hold(http.StatusAccepted)
			p.hold(http.StatusConflict)
			p.awaitHeldByWorkers()

			var waiting []string
			for range 8 {
				waiting = append(waiting, p.place())
			}
			p.awaitWaiting(len(waiting))
			for _, id := range waiting {
				p.requireWaits(id)
			}

			for _, victim := range []string{"workers-1", "temporal"} {
				require.NoError(t, p.Supervisor().Kill(victim))
			}
			p.waitHealthy()
			cancelled := p.place()
			p.awaitWaiting(len(waiting) + 1)
			p.requireWaits(cancelled)
			p.requireUndoneButForThePayment(cancelled)

			require.Equal(t, release{Service: "payment", Waiting: len(waiting) + 1, PerSecond: 2}, p.release(2))
			require.Eventually(t, func() bool { return p.held() == nil }, patience, 50*time.Millisecond)
			for _, id := range waiting {
				p.awaitStatus(id, order.Shipped)
			}
			ended := p.awaitStatus(cancelled, order.Cancelled)
			assert.Nil(t, ended.Payment, "nothing was ever charged")
			p.requireSpread(waiting, 2*time.Second)
			p.verify()

			p.hold(http.StatusAccepted)
			require.Equal(t, release{Service: "payment", PerSecond: contract.DefaultReleaseRate}, p.release(0))
		})
	}
}

// pausable is a system in which payment can be put on hold, and a client of
// its Temporal server.
type pausable struct {
	*system
	temporal client.Client
	// product is in stock; customer buys it.
	product, customer string
}

func startPausable(t *testing.T, environ []string) *pausable {
	t.Helper()
	p := &pausable{system: start(t, settings(t, environ...))}
	connected, err := temporalclient.Dial(t.Context(),
		temporalclient.Config{Addr: p.TemporalAddr(), Namespace: contract.Namespace}, telemetry.Discard())
	require.NoError(t, err)
	t.Cleanup(connected.Close)
	p.temporal = connected
	d := generate(t, seed+13, 20)
	p.await(p.beginImport(d.products, d.customersFile))
	p.product, p.customer = slices.Sorted(maps.Keys(d.stock))[0], d.customers[0]
	return p
}

// serviceHold is the hold of a service as an operator sees it.
type serviceHold struct {
	Since   time.Time `json:"since"`
	By      string    `json:"by"`
	Reason  string    `json:"reason"`
	Waiting *int      `json:"waiting"`
}

// release is what a release has begun.
type release struct {
	Service   string `json:"service"`
	Waiting   int    `json:"waiting"`
	PerSecond int    `json:"perSecond"`
}

const (
	maintenance = "the provider is in maintenance"
	// workflowMetadata is the query with which the Temporal UI asks for the
	// current details.
	workflowMetadata = "__temporal_workflow_metadata"
)

func (p *pausable) post(path string, body map[string]any, status int) answer {
	p.t.Helper()
	answer, err := p.call(p.t.Context(), http.MethodPost, path, body)
	require.NoError(p.t, err)
	require.Equal(p.t, status, answer.status, "%s", answer.body)
	return answer
}

func (p *pausable) hold(status int) {
	p.t.Helper()
	p.post("/v1/ops/dependencies/payment/hold", map[string]any{"reason": maintenance}, status)
}

// release lets the orders go on, at the default pace for 0.
func (p *pausable) release(perSecond int) release {
	p.t.Helper()
	body := map[string]any{"reason": "the provider is back"}
	if perSecond > 0 {
		body["perSecond"] = perSecond
	}
	var released release
	p.post("/v1/ops/dependencies/payment/release", body, http.StatusAccepted).into(p.t, &released)
	return released
}

// held returns the hold of payment, which is the only one.
func (p *pausable) held() *serviceHold {
	p.t.Helper()
	var list struct {
		Items []struct {
			Service string       `json:"service"`
			Hold    *serviceHold `json:"hold"`
		} `json:"items"`
	}
	p.get("/v1/ops/dependencies", &list)
	var found *serviceHold
	for _, item := range list.Items {
		if item.Service == "payment" {
			found = item.Hold
		} else {
			require.Nil(p.t, item.Hold, item.Service)
		}
	}
	require.Len(p.t, list.Items, len(contract.Queues()))
	return found
}

// awaitWaiting waits until so many orders have asked for the release.
func (p *pausable) awaitWaiting(orders int) {
	p.t.Helper()
	var hold *serviceHold
	require.Eventually(p.t, func() bool {
		hold = p.held()
		return hold != nil && hold.Waiting != nil && *hold.Waiting == orders
	}, patience, 50*time.Millisecond, "%d orders wait", orders)
	require.Equal(p.t, "e2e", hold.By)
	require.Equal(p.t, maintenance, hold.Reason)
	require.WithinDuration(p.t, time.Now(), hold.Since, patience)
}

// awaitHeldByWorkers waits until the workers, who look every two seconds, know
// of the hold. Until then calls go through.
func (p *pausable) awaitHeldByWorkers() {
	p.t.Helper()
	require.Eventually(p.t, func() bool {
		log, err := os.ReadFile(filepath.Join(p.DataDir(), "logs", "workers-1.log"))
		require.NoError(p.t, err)
		return strings.Contains(string(log), `"service":"payment","held":true`)
	}, patience, 50*time.Millisecond)
}

// place has the gateway accept an order, and returns its ID.
func (p *pausable) place() string {
	p.t.Helper()
	var accepted struct{ OrderID string }
	p.post("/v1/orders", map[string]any{
		"customerId":      p.customer,
		"items":           []any{map[string]any{"productId": p.product, "quantity": 1}},
		"payment":         map[string]any{"method": "pm_card_visa"},
		"shippingAddress": map[string]any{"name": "A", "line1": "1 Main St", "city": "London", "country": "GB"},
	}, http.StatusAccepted).into(p.t, &accepted)
	return accepted.OrderID
}

// requireWaits checks that an order stands still before its payment: nothing
// has failed, nothing is tried, and payment has not heard of it.
func (p *pausable) requireWaits(id string) {
	p.t.Helper()
	var view orderView
	p.get("/v1/orders/"+id, &view)
	require.Equal(p.t, order.Draft, view.Status)
	require.Equal(p.t, order.SagaRunning, view.Saga.State)
	require.Nil(p.t, view.Payment)
	states := map[string]string{}
	for _, step := range view.Saga.Steps {
		states[step.Name] = step.State
		require.Empty(p.t, step.Error, step.Name)
	}
	require.Equal(p.t, "done", states[contract.StepReserveInventory])
	require.Equal(p.t, "running", states[contract.StepChargePayment])
	require.Equal(p.t, "pending", states[contract.StepConfirmOrder])

	described, err := p.temporal.DescribeWorkflowExecution(p.t.Context(), id, "")
	require.NoError(p.t, err)
	require.Empty(p.t, described.GetPendingActivities(), "no attempt is under way or to come")
	shown, err := p.temporal.QueryWorkflow(p.t.Context(), id, "", workflowMetadata)
	require.NoError(p.t, err)
	var metadata sdkpb.WorkflowMetadata
	require.NoError(p.t, shown.Get(&metadata))
	require.Contains(p.t, metadata.GetCurrentDetails(), "| ChargePayment | running: payment is on hold |", "in the Temporal UI")
	p.requireUnknownToPayment(id)
}

// requireUnknownToPayment checks that no call about an order has arrived.
func (p *pausable) requireUnknownToPayment(id string) {
	p.t.Helper()
	var page audit.Page[audit.FenceRow]
	p.get("/v1/ops/audit/payment?table="+audit.FenceTable+"&order="+id, &page)
	require.Empty(p.t, page.Items)
}

// requireUndoneButForThePayment cancels an order that waits. Its stock goes
// back at once. That nothing was charged is for payment to say, and to keep it
// so: a charge may have been sent just before the hold. So the end of the order
// waits for the release.
func (p *pausable) requireUndoneButForThePayment(id string) {
	p.t.Helper()
	p.post("/v1/orders/"+id+"/cancel", map[string]any{"reason": "it takes too long"}, http.StatusAccepted)
	require.Eventually(p.t, func() bool {
		var view orderView
		p.get("/v1/orders/"+id, &view)
		require.Equal(p.t, order.Draft, view.Status)
		undone := map[string]order.Compensation{}
		for _, step := range view.Saga.Steps {
			if step.Compensation != nil {
				undone[step.Name] = *step.Compensation
			}
		}
		return view.Saga.State == order.SagaCompensating &&
			undone[contract.StepReserveInventory].State == "done" &&
			undone[contract.StepChargePayment] == order.Compensation{
				Name: contract.UndoChargePayment, State: "running", Error: "payment was on hold",
			}
	}, patience, 50*time.Millisecond)
	p.requireUnknownToPayment(id)
}

func (p *pausable) awaitStatus(id string, status order.Status) orderView {
	p.t.Helper()
	var view orderView
	require.Eventually(p.t, func() bool {
		view = orderView{}
		p.get("/v1/orders/"+id, &view)
		return view.Status == status && view.Saga.State.Final()
	}, patience, 100*time.Millisecond, "%s becomes %s", id, status)
	return view
}

// requireSpread checks that the orders were charged once each, and not all at
// once.
func (p *pausable) requireSpread(ids []string, least time.Duration) {
	p.t.Helper()
	var charged []time.Time
	for _, id := range ids {
		var page audit.Page[payment.ProviderChargeRow]
		p.get("/v1/ops/audit/payment?table=payment_simulator_charge&order="+id, &page)
		require.Len(p.t, page.Items, 1)
		charged = append(charged, page.Items[0].CreatedAt)
	}
	first, last := slices.MinFunc(charged, time.Time.Compare), slices.MaxFunc(charged, time.Time.Compare)
	p.t.Logf("%d orders were charged within %v", len(ids), last.Sub(first))
	require.Greater(p.t, last.Sub(first), least)
}
