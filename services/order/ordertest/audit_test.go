package ordertest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/audit"
	"orderflow/internal/audit/audittest"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/services/order/ordertest"
)

func TestTheAuditShowsEventsAndTheReadModel(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := ordertest.Start(t, ordertest.WithDSN(dsn))
		for _, id := range []string{"order-1", "order-2"} {
			_, err := service.Create(t.Context(), order.CreateRequest{
				Key: order.Key{OrderID: id, Step: "CreateOrder", Revision: 1},
				Placement: order.Placement{
					OrderID: id, CustomerID: "cust-ada", CustomerName: "Ada", RequestHash: "hash", AcceptedAt: time.Now(),
					Items: []order.Item{{ProductID: "prod-a", ProductName: "Cup", Quantity: 2, UnitPrice: money.New(250, "USD")}},
					Total: money.New(500, "USD"),
				},
			})
			require.NoError(t, err)
		}
		_, err := service.Confirm(t.Context(), order.ConfirmRequest{Key: order.Key{OrderID: "order-1", Step: "ConfirmOrder", Revision: 1}})
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			page, err := service.AuditProjections(t.Context(), audit.Query{})
			return err == nil && len(page.Items) == 1 && page.Items[0].Live && page.Items[0].Position == 3
		}, time.Minute, 10*time.Millisecond)

		head := audittest.Walk(t, service.AuditEventHead, "")
		require.Len(t, head, 1)
		assert.EqualValues(t, 3, head[0].Position)

		events := audittest.Walk(t, service.AuditEvents, "")
		require.Len(t, events, 3)
		assert.Equal(t, []int64{1, 3, 2}, []int64{events[0].Position, events[1].Position, events[2].Position}, "stream by stream")
		assert.Equal(t, "OrderConfirmed", events[1].EventType)
		assert.Contains(t, string(events[0].Payload), `"requestHash":"hash"`)
		assert.Contains(t, string(events[0].Metadata), `"causation":"CreateOrder/1"`)
		assert.Len(t, audittest.Walk(t, service.AuditEvents, "order-2"), 1)

		views := audittest.Walk(t, service.AuditViews, "order-1")
		require.Len(t, views, 1)
		assert.EqualValues(t, 2, views[0].Version)
		assert.EqualValues(t, 1, views[0].Ordinal)
		assert.EqualValues(t, 3, views[0].Checkpoint)
		var view order.View
		require.NoError(t, json.Unmarshal(views[0].View, &view))
		assert.Equal(t, order.Confirmed, view.Status)

		summaries := audittest.Walk(t, service.AuditSummaries, "")
		require.Len(t, summaries, 2)
		assert.Equal(t, []order.Status{order.Confirmed, order.Draft}, []order.Status{summaries[0].Status, summaries[1].Status})

		count := order.CountRow{CustomerID: "cust-ada", Draft: 1, Confirmed: 1, Checkpoint: 3}
		assert.Equal(t, []order.CountRow{count}, audittest.Walk(t, service.AuditCounts, ""))
		assert.Equal(t, []order.CountBlockRow{{CountRow: count, Span: 128}, {CountRow: count, Span: 16384}},
			audittest.Walk(t, service.AuditCountBlocks, ""))
		assert.Len(t, audittest.Walk(t, service.AuditFence, "order-1"), 2)
	})
}
