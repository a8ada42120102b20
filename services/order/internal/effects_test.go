package internal_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/effects/effectstest"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/services/order/internal"
	"orderflow/services/order/internal/migrations"
	"orderflow/services/order/ordertest"
)

func TestAnOrderIsListedAsOpenUntilItsEnd(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := ordertest.Start(t, ordertest.WithDSN(dsn))
		before := time.Now().Add(-time.Minute)
		want := map[string]order.Status{}
		for i, end := range []order.Status{order.Draft, order.Confirmed, order.Shipped, order.Cancelled, order.Draft} {
			id := fmt.Sprintf("order-%d", i)
			bring(t, service, id, end)
			want[id] = end
		}
		after := time.Now().Add(time.Minute)
		require.EventuallyWithT(t, func(t *assert.CollectT) { // the read model follows
			statuses, err := service.Statuses(context.Background(), []string{"order-0", "order-1", "order-2", "order-3", "order-4", "order-9"})
			require.NoError(t, err)
			require.Equal(t, want, statuses)
		}, time.Minute, 10*time.Millisecond)

		var open []string
		for _, effect := range effectstest.Walk(t, service.Open, before, after) {
			assert.WithinRange(t, effect.Since, before, after)
			open = append(open, effect.OrderID)
		}
		assert.Equal(t, []string{"order-0", "order-1", "order-4"}, open)
		assert.Empty(t, effectstest.Walk(t, service.Open, time.Time{}, before))

		require.NoError(t, service.Rebuild(t.Context()))
		assert.Len(t, effectstest.Walk(t, service.Open, before, after), 3, "of the new generation")
	})
}

// bring brings an order to a status.
func bring(t *testing.T, service *ordertest.Service, id string, end order.Status) {
	t.Helper()
	key := func(step string) order.Key { return order.Key{OrderID: id, Step: step, Revision: 1} }
	placed := order.Placement{
		OrderID: id, CustomerID: "cust-ada", CustomerName: "Ada", Total: money.New(9998, "USD"), AcceptedAt: time.Now(),
		Items: []order.Item{{ProductID: "prod-kettle", ProductName: "Kettle", Quantity: 2, UnitPrice: money.New(4999, "USD")}},
	}
	_, err := service.Create(t.Context(), order.CreateRequest{Key: key("CreateOrder"), Placement: placed})
	require.NoError(t, err)
	switch end {
	case order.Cancelled:
		_, err = service.Cancel(t.Context(), order.CancelRequest{
			Key: key("CreateOrder"), Reason: "declined", Saga: order.Saga{State: order.SagaCompensated}, Placement: placed,
		})
		require.NoError(t, err)
	case order.Confirmed, order.Shipped:
		_, err = service.Confirm(t.Context(), order.ConfirmRequest{Key: key("ConfirmOrder")})
		require.NoError(t, err)
	default:
	}
	if end == order.Shipped {
		_, err = service.Ship(t.Context(), order.ShipRequest{
			Key: key("CompleteOrder"), TrackingNumber: "T-1", Carrier: "Parcel", Saga: order.Saga{State: order.SagaCompleted},
		})
		require.NoError(t, err)
	}
}

func TestAQueryForStatusesThatIsNoneIsRefused(t *testing.T) {
	service := ordertest.Start(t)
	for name, ids := range map[string][]string{
		"of no order": {}, "of an empty ID": {""}, "of too many": make([]string, order.MaxStatuses+1), "with a control character": {"a\x00"},
	} {
		_, err := service.Statuses(t.Context(), ids)
		assert.Equal(t, problem.Invalid, problem.CodeOf(err), name)
	}
	statuses, err := service.Statuses(t.Context(), []string{"' OR 1=1 --"})
	require.NoError(t, err)
	assert.Empty(t, statuses)
}

// Among many orders, the open ones are found along their index.
func TestOpenOrdersAreFoundWithoutLookingAtTheRest(t *testing.T) {
	sqlstoretest.Each(t, migrations.Schemas(), func(t *testing.T, db *sqlstore.DB) {
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `
				INSERT INTO order_summary (generation, order_id, customer_id, customer_name, status, item_count,
				                           total_amount, currency, created_at, ordinal, version)
				WITH RECURSIVE serial(n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM serial WHERE n < 50000)
				SELECT 1, 'order-' || n, 'cust-ada', 'Ada', CASE WHEN n % 1000 = 0 THEN 'draft' WHEN n % 1000 = 1 THEN 'confirmed' ELSE 'shipped' END,
				       1, 1, 'USD', 1772366400000000 + n, n, 1
				FROM serial`)
			return err
		}))
		effectstest.RequireIndex(t, db, internal.EffectKinds()[0], "order_summary_open")
	})
}
