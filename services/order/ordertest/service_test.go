package ordertest_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"orderflow/internal/audit/audittest"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/services/order/ordertest"
)

func placement(orderID string) order.Placement {
	return order.Placement{
		OrderID: orderID, CustomerID: "cust-ada", CustomerName: "Ada",
		Items:      []order.Item{{ProductID: "prod-kettle", ProductName: "Kettle", Quantity: 2, UnitPrice: money.New(4999, "USD")}},
		Total:      money.New(9998, "USD"),
		AcceptedAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
	}
}

func key(orderID, step string) order.Key {
	return order.Key{OrderID: orderID, Step: step, Revision: 1}
}

func ship(ctx context.Context, service *ordertest.Service, orderID string) error {
	if _, err := service.Create(ctx, order.CreateRequest{Key: key(orderID, "create-order"), Placement: placement(orderID)}); err != nil {
		return err
	}
	if _, err := service.Confirm(ctx, order.ConfirmRequest{Key: key(orderID, "confirm-order")}); err != nil {
		return err
	}
	_, err := service.Ship(ctx, order.ShipRequest{
		Key: key(orderID, "complete-order"), TrackingNumber: "T-1", Carrier: "Parcel", Saga: order.Saga{State: order.SagaCompleted},
	})
	return err
}

// The way of orders through the real service: each answer is the typed client's.
func TestOrdersThroughTheClient(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := ordertest.Start(t, ordertest.WithDSN(dsn))
		const orders = 30
		var shipping errgroup.Group
		shipping.SetLimit(8)
		for n := range orders {
			shipping.Go(func() error {
				id := fmt.Sprintf("order-%d", n)
				if err := ship(t.Context(), service, id); err != nil {
					return err
				}
				view, err := service.Order(t.Context(), id)
				if err == nil && (view.Status != order.Shipped || view.Version != 3 || !view.Saga.State.Final()) {
					return fmt.Errorf("an acknowledged command is not seen: %+v", view)
				}
				return err
			})
		}
		require.NoError(t, shipping.Wait())

		require.Eventually(t, func() bool {
			page, err := service.CustomerOrders(t.Context(), order.ListQuery{CustomerID: "cust-ada", Status: order.Shipped, Page: 3, Limit: 10})
			return err == nil && page.Total == orders && len(page.Items) == 10
		}, 10*time.Second, 5*time.Millisecond)
		require.NoError(t, service.Rebuild(t.Context()))
		page, err := service.CustomerOrders(t.Context(), order.ListQuery{CustomerID: "cust-ada", Page: 1, Limit: 100})
		require.NoError(t, err)
		assert.Len(t, page.Items, orders)
	})
}

// A decision about the saga arrives after the order has ended, as it does when
// the service was away meanwhile, and stays through a rebuild.
func TestDecisionsAreKeptWithTheOrder(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := ordertest.Start(t, ordertest.WithDSN(dsn))
		request := order.InterventionRequest{
			Key: key("order-1", order.InterventionStep),
			Intervention: order.Intervention{
				Action: order.InterventionHold, Actor: "ops-jane", Reason: "a call of the customer",
				At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
			},
		}
		_, err := service.RecordIntervention(t.Context(), request)
		require.Equal(t, problem.NotFound, problem.CodeOf(err))
		require.NoError(t, ship(t.Context(), service, "order-1"))
		for range 2 {
			acknowledgement, err := service.RecordIntervention(t.Context(), request)
			require.NoError(t, err)
			assert.Equal(t, order.Acknowledgement{OrderID: "order-1", Status: order.Shipped, Version: 4}, acknowledgement)
		}
		events, err := service.Events(t.Context(), "order-1")
		require.NoError(t, err)
		require.Len(t, events, 4)
		assert.Equal(t, "OrderIntervened", events[3].EventType)
		rows := audittest.Walk(t, service.AuditEvents, "order-1")
		require.Len(t, rows, 4)
		assert.Contains(t, string(rows[3].Metadata), `"causation":"Intervention/1"`)
		assert.Contains(t, string(rows[3].Metadata), `"operator":"ops-jane"`)

		shown := func() []any {
			view, err := service.Order(t.Context(), "order-1")
			require.NoError(t, err)
			page, err := service.CustomerOrders(t.Context(), order.ListQuery{
				CustomerID: "cust-ada", Status: order.Shipped, Page: 1, Limit: 10, SeenOrder: "order-1", SeenVersion: 4,
			})
			require.NoError(t, err)
			return []any{view, page, audittest.Walk(t, service.AuditCounts, "")}
		}
		require.Eventually(t, func() bool {
			views := audittest.Walk(t, service.AuditViews, "order-1")
			return len(views) == 1 && views[0].Version == 4
		}, time.Minute, 5*time.Millisecond)
		before := shown()
		assert.EqualValues(t, 4, before[0].(order.View).Version)
		assert.EqualValues(t, 1, before[1].(order.Page).Total)
		require.NoError(t, service.Rebuild(t.Context()))
		assert.Equal(t, before, shown())
	})
}

func TestTheReadModelIsRebuiltWhileTheServiceRuns(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := ordertest.Start(t, ordertest.WithDSN(dsn))
		require.NoError(t, ship(t.Context(), service, "order-1"))
		caughtUp := func() order.Projection {
			var found order.Projection
			require.Eventually(t, func() bool {
				var err error
				found, err = service.Projection(t.Context())
				return err == nil && found.Lag == 0
			}, time.Minute, 5*time.Millisecond)
			return found
		}
		assert.Equal(t, order.Projection{Generation: 1, Position: 3, Head: 3}, caughtUp())

		begun, err := service.RebuildProjection(t.Context())
		require.NoError(t, err)
		require.NotNil(t, begun.Rebuild)
		require.NoError(t, ship(t.Context(), service, "order-2"))
		require.NoError(t, service.Rebuild(t.Context()))
		rebuilt := caughtUp()
		assert.EqualValues(t, 6, rebuilt.Position)
		assert.Greater(t, rebuilt.Generation, int64(1))
		assert.Equal(t, order.RebuildDone, rebuilt.Rebuild.State)
		assert.False(t, rebuilt.Rebuild.EndedAt.Before(rebuilt.Rebuild.StartedAt))
		page, err := service.CustomerOrders(t.Context(), order.ListQuery{CustomerID: "cust-ada", Page: 1, Limit: 10})
		require.NoError(t, err)
		assert.Len(t, page.Items, 2)
	})
}

// Two processes on one database: what one has done, the other shows at once.
func TestInstancesOnOneDatabaseSeeEachOther(t *testing.T) {
	dsn := sqlstoretest.Postgres(t)
	first, second := ordertest.Start(t, ordertest.WithDSN(dsn)), ordertest.Start(t, ordertest.WithDSN(dsn))
	for n := range 20 {
		id := fmt.Sprintf("order-%d", n)
		require.NoError(t, ship(t.Context(), first, id))
		// A moment is not always enough on a busy machine.
		require.Eventually(t, func() bool {
			page, err := second.CustomerOrders(t.Context(), order.ListQuery{
				CustomerID: "cust-ada", Status: order.Shipped, Page: 1, Limit: 1, SeenOrder: id, SeenVersion: 3,
			})
			return err == nil && len(page.Items) == 1 && page.Items[0].OrderID == id && page.UpTo == int64(n)+1
		}, 20*time.Second, time.Millisecond)
	}
	page, err := second.CustomerOrders(t.Context(), order.ListQuery{CustomerID: "cust-ada", Page: 1, Limit: 100, UpTo: 7})
	require.NoError(t, err)
	assert.EqualValues(t, 7, page.Total)
	assert.Equal(t, "order-6", page.Items[0].OrderID)
}

func TestTheClientWaitsForAChange(t *testing.T) {
	service := ordertest.Start(t)
	var watching errgroup.Group
	watching.Go(func() error {
		for version := int64(0); version < 3; {
			view, err := service.OrderAfter(t.Context(), "order-1", version, 3*time.Second)
			if problem.CodeOf(err) == problem.NotFound {
				continue
			}
			if err != nil {
				return err
			}
			version = view.Version
		}
		return nil
	})
	require.NoError(t, ship(t.Context(), service, "order-1"))
	require.NoError(t, watching.Wait())
}

func TestRefusalsReachTheCallerAsProblems(t *testing.T) {
	service := ordertest.Start(t)
	require.NoError(t, ship(t.Context(), service, "order-1"))
	_, err := service.Cancel(t.Context(), order.CancelRequest{
		Key: key("order-1", "create-order"), Reason: "too late", Placement: placement("order-1"),
		Saga: order.Saga{State: order.SagaCompensated},
	})
	assert.Equal(t, problem.TooLate, problem.CodeOf(err))
	_, err = service.Confirm(t.Context(), order.ConfirmRequest{Key: key("order-2", "confirm-order")})
	assert.Equal(t, problem.NotFound, problem.CodeOf(err))
	_, err = service.OrderAt(t.Context(), "order-1", time.Unix(0, 0))
	assert.Equal(t, problem.NotFound, problem.CodeOf(err))
	events, err := service.Events(t.Context(), "order-1")
	require.NoError(t, err)
	assert.Len(t, events, 3)
}

// An order's three commands and its projection, eight orders at a time.
func BenchmarkShippedOrders(b *testing.B) {
	service := ordertest.Start(b)
	var shipping errgroup.Group
	shipping.SetLimit(8)
	b.ResetTimer()
	for n := range b.N {
		shipping.Go(func() error { return ship(b.Context(), service, fmt.Sprintf("order-%d", n)) })
	}
	if err := shipping.Wait(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orders/s")
}
