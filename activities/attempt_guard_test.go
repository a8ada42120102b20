package activities

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"orderflow/internal/discovery"
	"orderflow/internal/rpc"
	"orderflow/services/inventory"
	"orderflow/services/order"
	"orderflow/services/payment"
	"orderflow/services/shipping"
)

// guarded is a client of a service that answers everything with 204.
func guarded(t *testing.T) *rpc.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(server.Close)
	host, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	number, err := strconv.Atoi(port)
	require.NoError(t, err)
	client := rpc.NewClient("any", discovery.Static{"any": {{ID: "any-1", Name: "any", Host: host, Port: number}}}, rpc.Config{}, nil)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

func TestOnlyCompensationsTakeThePlacesOfCompensations(t *testing.T) {
	client := guarded(t)
	stock := &Inventory{Client: inventory.NewClient(client)}
	orders := &Orders{Client: order.NewClient(client)}
	money := &Payment{Client: payment.NewClient(client)}
	parcels := &Shipping{Client: shipping.NewClient(client)}
	compensations := []func(*testsuite.TestActivityEnvironment) error{
		func(e *testsuite.TestActivityEnvironment) error {
			return run(e, stock.ReleaseInventory, inventory.ReleaseRequest{})
		},
		func(e *testsuite.TestActivityEnvironment) error {
			return run(e, orders.CancelOrder, order.CancelRequest{})
		},
		func(e *testsuite.TestActivityEnvironment) error {
			return run(e, money.RefundPayment, payment.RefundRequest{})
		},
		func(e *testsuite.TestActivityEnvironment) error {
			return run(e, parcels.CancelShipment, shipping.CancelRequest{})
		},
	}
	for i, compensate := range compensations {
		require.NoError(t, answered(compensate(environment(t.Context()))))
		bulkheads := client.Snapshot().Bulkheads
		require.EqualValues(t, i+1, bulkheads[rpc.Compensation].Admitted)
		require.Zero(t, bulkheads[rpc.Forward].Admitted)
	}
	require.NoError(t, answered(run(environment(t.Context()), stock.CommitInventory, inventory.CommitRequest{})))
	require.EqualValues(t, 1, client.Snapshot().Bulkheads[rpc.Forward].Admitted)
}

func TestAnAttemptAfterTheFastWayIsARetry(t *testing.T) {
	for name, test := range map[string]struct {
		after, local   bool
		calls, retries uint64
	}{
		"fast":                   {false, true, 1, 0},
		"durable from the start": {false, false, 1, 0},
		"durable after fast":     {true, false, 0, 1},
		"fast, whatever is said": {true, true, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			client := guarded(t)
			stock := &Inventory{Client: inventory.NewClient(client)}
			ctx := t.Context()
			if test.after {
				ctx = AfterFastWay(ctx)
			}
			environment := environment(ctx)
			environment.RegisterActivity(stock.CommitInventory)
			execute := environment.ExecuteActivity
			if test.local {
				execute = environment.ExecuteLocalActivity
			}
			_, err := execute(stock.CommitInventory, inventory.CommitRequest{})
			require.NoError(t, err)
			budget := client.Snapshot().RetryBudget
			require.Equal(t, test.calls, budget.Calls)
			require.Equal(t, test.retries, budget.Retries)
		})
	}
}

func environment(ctx context.Context) *testsuite.TestActivityEnvironment {
	var suite testsuite.WorkflowTestSuite
	return suite.NewTestActivityEnvironment().SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
}

func run[Request any](e *testsuite.TestActivityEnvironment, activity func(context.Context, Request) error, request Request) error {
	e.RegisterActivity(activity)
	_, err := e.ExecuteActivity(activity, request)
	return err
}

// answered leaves out that the answer had no body: the call was made.
func answered(err error) error {
	var application *temporal.ApplicationError
	if errors.As(err, &application) && application.Type() == string(rpc.BadAnswer) {
		return nil
	}
	return err
}
