package e2e_test

import (
	"context"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"orderflow/internal/discovery"
	"orderflow/internal/problem"
	"orderflow/internal/rpc"
	"orderflow/internal/servicetoken"
	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
	"orderflow/services/inventory"
	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
	"orderflow/workflows/contract"
)

const (
	// reconcileEvery is the interval of the tests.
	reconcileEvery = 5 * time.Second
	// slack is for a machine that has much else to do.
	slack = 30 * time.Second
	// nobody polls this task queue: a workflow on it runs and does nothing.
	nobody = "nobody"
)

// reconciled is a system whose reconciler is in a hurry, seen from inside: a
// client of Temporal, and the services as the workers know them.
type reconciled struct {
	*system
	temporal  client.Client
	orders    *order.Client
	inventory *inventory.Client
	payments  *payment.Client
	shipping  *shipping.Client
	// product is in stock; customer has bought nothing.
	product, customer string
}

func startReconciled(t *testing.T, environ []string) *reconciled {
	t.Helper()
	s := &reconciled{system: start(t, settings(t, append(environ,
		"ORDERFLOW_RECONCILE_EVERY="+reconcileEvery.String(), "ORDERFLOW_RECONCILE_GRACE=1s", "ORDERFLOW_FAST_WAY=off")...))}
	var err error
	s.temporal, err = temporalclient.Dial(t.Context(), temporalclient.Config{Addr: s.TemporalAddr(), Namespace: contract.Namespace}, telemetry.Discard())
	require.NoError(t, err)
	t.Cleanup(s.temporal.Close)
	t.Cleanup(s.logRounds)

	registry, err := discovery.NewConsul(discovery.ConsulConfig{Addr: s.ConsulAddr()}, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(registry.Close)
	resolver := discovery.NewWatched(registry, zap.NewNop())
	t.Cleanup(func() { require.NoError(t, resolver.Close()) })
	key, _, err := servicetoken.OpenKeys(s.ServiceKeysDir())
	require.NoError(t, err)
	signer := servicetoken.NewSigner(key, "e2e", nil)
	caller := func(service string) *rpc.Client {
		guarded := rpc.NewClient(service, resolver, rpc.Config{}, telemetry.Discard(), rpc.WithAuthorizer(signer))
		t.Cleanup(func() { require.NoError(t, guarded.Close()) })
		return guarded
	}
	s.orders, s.inventory = order.NewClient(caller("order")), inventory.NewClient(caller("inventory"))
	s.payments, s.shipping = payment.NewClient(caller("payment")), shipping.NewClient(caller("shipping"))

	d := generate(t, seed+11, 20)
	s.await(s.beginImport(d.products, d.customersFile))
	s.product, s.customer = "gen-product-0", d.customers[0]
	return s
}

// logRounds shows what the reconciler did when the test has failed.
func (s *reconciled) logRounds() {
	if !s.t.Failed() {
		return
	}
	ctx := context.WithoutCancel(s.t.Context())
	runs, err := s.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query: "WorkflowType = '" + contract.Reconcile + "'", PageSize: 5,
	})
	for _, run := range runs.GetExecutions() {
		var result contract.ReconcileResult
		id := run.GetExecution().GetWorkflowId()
		err := s.temporal.GetWorkflow(ctx, id, "").Get(ctx, &result)
		s.t.Logf("%s %s: %+v %v", id, run.GetStatus(), result, err)
	}
	s.t.Logf("listing the rounds: %v", err)
}

// placement is what a workflow is started with.
func (s *reconciled) placement() contract.PlaceOrderInput {
	id, err := contract.NewOrderID()
	require.NoError(s.t, err)
	price := money.New(1250, "USD")
	return contract.PlaceOrderInput{
		OrderID: id, CustomerID: s.customer, CustomerName: "Ada", Total: price, PaymentMethod: "pm_card_visa", AcceptedAt: time.Now().UTC(),
		Items:           []contract.Item{{ProductID: s.product, ProductName: "Kettle", Quantity: 1, UnitPrice: price}},
		ShippingAddress: contract.Address{Name: "Ada", Line1: "1 Main St", City: "London", Country: "GB"},
	}
}

// startNowhere starts a workflow that runs and does nothing.
func (s *reconciled) startNowhere(in contract.PlaceOrderInput) {
	s.t.Helper()
	_, err := s.temporal.ExecuteWorkflow(s.t.Context(), client.StartWorkflowOptions{ID: in.OrderID, TaskQueue: nobody}, contract.PlaceOrder, in)
	require.NoError(s.t, err)
}

func (s *reconciled) terminate(orderID string) {
	s.t.Helper()
	require.NoError(s.t, s.temporal.TerminateWorkflow(s.t.Context(), orderID, "", "to see whether it is undone"))
}

// Each step as the workflow would have run it.

func (s *reconciled) create(in contract.PlaceOrderInput) {
	items := []order.Item{order.Item(in.Items[0])}
	_, err := s.orders.Create(s.t.Context(), order.CreateRequest{Key: keyOf(in, contract.StepCreateOrder), Placement: order.Placement{
		OrderID: in.OrderID, CustomerID: in.CustomerID, CustomerName: in.CustomerName, Items: items, Total: in.Total, AcceptedAt: in.AcceptedAt,
	}})
	require.NoError(s.t, err)
}

func (s *reconciled) reserve(in contract.PlaceOrderInput) {
	_, err := s.inventory.Reserve(s.t.Context(), inventory.ReserveRequest{
		Key: keyOf(in, contract.StepReserveInventory), Lines: []inventory.Line{{ProductID: s.product, Quantity: 1}},
	})
	require.NoError(s.t, err)
}

func (s *reconciled) charge(in contract.PlaceOrderInput) {
	_, err := s.payments.Charge(s.t.Context(), payment.ChargeRequest{
		Key: keyOf(in, contract.StepChargePayment), CustomerID: in.CustomerID, Amount: in.Total, Method: in.PaymentMethod,
	})
	require.NoError(s.t, err)
}

func (s *reconciled) ship(in contract.PlaceOrderInput) {
	_, err := s.orders.Confirm(s.t.Context(), order.ConfirmRequest{Key: keyOf(in, contract.StepConfirmOrder)})
	require.NoError(s.t, err)
	_, err = s.shipping.Ship(s.t.Context(), shipping.ShipRequest{
		Key: keyOf(in, contract.StepShipOrder), Address: shipping.Address(in.ShippingAddress),
		Parcels: []shipping.Parcel{{ProductID: s.product, Quantity: 1}},
	})
	require.NoError(s.t, err)
}

func keyOf(in contract.PlaceOrderInput, step string) order.Key {
	return order.Key{OrderID: in.OrderID, Step: step, Revision: 1}
}

// requireEnd waits for the order's end, and checks stock and money of it.
func (s *reconciled) requireEnd(orderID string, end order.Status) orderView {
	s.t.Helper()
	var view orderView
	require.EventuallyWithT(s.t, func(t *assert.CollectT) {
		found, err := s.call(s.t.Context(), http.MethodGet, "/v1/orders/"+orderID, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, found.status, "%s", found.body)
		view = orderView{}
		found.into(t, &view)
		require.Equal(t, end, view.Status, "%s", found.body)
		require.True(t, view.Saga.State.Final(), "%s", found.body)
	}, patience, 100*time.Millisecond, "order %s", orderID)
	captured, refunded := int64(0), int64(0)
	if view.Payment != nil {
		captured, refunded = view.Payment.Captured.Amount, view.Payment.Refunded.Amount
	}
	if end == order.Cancelled {
		require.Zero(s.t, captured-refunded)
	} else {
		require.Equal(s.t, view.TotalAmount.Amount, captured-refunded)
	}
	return view
}

func (s *reconciled) stock() inventory.Stock {
	var stock inventory.Stock
	s.get("/v1/inventory/"+s.product, &stock)
	return stock
}

// terminateInTheMiddle places an order and terminates its workflow while the
// charge is under way: the payment service answers when the workflow is gone.
func (s *reconciled) terminateInTheMiddle() (orderID string) {
	s.t.Helper()
	require.NoError(s.t, s.Supervisor().Signal("payment", syscall.SIGSTOP))
	placed, err := s.call(s.t.Context(), http.MethodPost, "/v1/orders", map[string]any{
		"customerId": s.customer, "items": []any{map[string]any{"productId": s.product, "quantity": 1}},
		"payment":         map[string]any{"method": "pm_card_visa"},
		"shippingAddress": map[string]any{"name": "A", "line1": "1 Main St", "city": "London", "country": "GB"},
	})
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusAccepted, placed.status, "%s", placed.body)
	var accepted struct{ OrderID string }
	placed.into(s.t, &accepted)
	require.Eventually(s.t, func() bool { return s.stock().Reserved == 1 }, patience, 20*time.Millisecond)
	s.terminate(accepted.OrderID)
	require.NoError(s.t, s.Supervisor().Signal("payment", syscall.SIGCONT))
	return accepted.OrderID
}

// requireSoon checks how long after its termination a workflow was taken up
// again.
func (s *reconciled) requireSoon(orderID string, terminatedAt time.Time) {
	s.t.Helper()
	described, err := s.temporal.DescribeWorkflowExecution(s.t.Context(), orderID, "")
	require.NoError(s.t, err)
	took := described.GetWorkflowExecutionInfo().GetStartTime().AsTime().Sub(terminatedAt)
	s.t.Logf("the recovery began %v after the workflow was terminated", took)
	require.Less(s.t, took, contract.ClosedGrace+reconcileEvery+slack)
}

// TestTheReconcilerUndoesWhatNobodyTakesToItsEnd lets workflows die in every
// phase, and leaves things behind that belong to nobody.
func TestTheReconcilerUndoesWhatNobodyTakesToItsEnd(t *testing.T) {
	onEachDatabase(t, func(t *testing.T, environ []string) {
		s := startReconciled(t, environ)
		atFirst := s.stock()

		inTheMiddle, terminatedAt := s.terminateInTheMiddle(), time.Now()

		unrecorded := s.placement()
		s.startNowhere(unrecorded)
		s.terminate(unrecorded.OrderID)

		accepted := s.placement()
		s.startNowhere(accepted)
		s.create(accepted)
		s.reserve(accepted)
		s.charge(accepted)
		s.ship(accepted)
		s.terminate(accepted.OrderID)

		lost := s.placement() // it has no workflow
		s.create(lost)
		s.reserve(lost)
		s.charge(lost)

		stray := s.placement() // nor an order
		s.reserve(stray)
		s.charge(stray)

		running := s.placement() // the one that somebody takes care of
		s.startNowhere(running)
		s.create(running)
		s.reserve(running)

		s.requireEnd(inTheMiddle, order.Cancelled)
		s.requireSoon(inTheMiddle, terminatedAt)
		view := s.requireEnd(unrecorded.OrderID, order.Cancelled)
		require.Equal(t, unrecorded.Total, view.TotalAmount, "an accepted order does not vanish")
		s.requireEnd(accepted.OrderID, order.Shipped)
		s.requireEnd(lost.OrderID, order.Cancelled)

		require.Eventually(t, func() bool {
			paid, err := s.payments.Payment(t.Context(), stray.OrderID)
			return err == nil && paid.Status == payment.Refunded
		}, patience, 100*time.Millisecond)
		_, err := s.orders.Order(t.Context(), stray.OrderID)
		require.Equal(t, problem.NotFound, problem.CodeOf(err), "%v", err)

		found, err := s.orders.Order(t.Context(), running.OrderID)
		require.NoError(t, err)
		require.Equal(t, order.Draft, found.Status, "it was there as long as the others")
		require.EqualValues(t, 1, s.stock().Reserved)
		s.terminate(running.OrderID)
		s.requireEnd(running.OrderID, order.Cancelled)

		require.Equal(t, inventory.Stock{
			ProductID: s.product, OnHand: atFirst.OnHand - 1, Shipped: atFirst.Shipped + 1,
		}, s.stock(), "one order has shipped, and nothing is held")
		s.verify("--at-rest")
	})
}
