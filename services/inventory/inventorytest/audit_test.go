package inventorytest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/audit/audittest"
	"orderflow/internal/fence"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/inventory"
	"orderflow/services/inventory/inventorytest"
)

func TestTheAuditShowsEveryRow(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := inventorytest.Start(t, inventorytest.WithDSN(dsn))
		for _, count := range []inventory.StockCount{{ProductID: "prod-a", OnHand: 5}, {ProductID: "prod-b", OnHand: 7}, {ProductID: "prod-a", OnHand: 4}} {
			_, err := service.SetOnHand(t.Context(), count)
			require.NoError(t, err)
		}
		key := inventory.Key{OrderID: "order-1", Step: "ReserveInventory", Revision: 1}
		_, err := service.Reserve(t.Context(), inventory.ReserveRequest{Key: key, Lines: []inventory.Line{{ProductID: "prod-a", Quantity: 2}}})
		require.NoError(t, err)

		assert.Equal(t, []inventory.StockRow{
			{ProductID: "prod-a", OnHand: 4, Reserved: 2, Version: 3},
			{ProductID: "prod-b", OnHand: 7, Version: 1},
		}, audittest.Walk(t, service.AuditStock, ""))

		changes := audittest.Walk(t, service.AuditStockChanges, "")
		for i := range changes {
			assert.False(t, changes[i].ChangedAt.IsZero())
			changes[i].ChangedAt = changes[0].ChangedAt
		}
		at := changes[0].ChangedAt
		assert.Equal(t, []inventory.StockChangeRow{
			{ProductID: "prod-a", Version: 1, Kind: "initial", Quantity: 5, ChangedAt: at},
			{ProductID: "prod-a", Version: 2, Kind: "adjustment", Quantity: -1, ChangedAt: at},
			{ProductID: "prod-b", Version: 1, Kind: "initial", Quantity: 7, ChangedAt: at},
			{OrderID: "order-1", ProductID: "prod-a", Version: 3, Kind: "reserve", Quantity: 2, ChangedAt: at},
		}, changes)
		assert.Len(t, audittest.Walk(t, service.AuditStockChanges, "order-1"), 1)

		assert.Equal(t, []inventory.ReservationRow{{Key: key, ProductID: "prod-a", Quantity: 2, State: "held"}},
			audittest.Walk(t, service.AuditReservations, ""))
		fences := audittest.Walk(t, service.AuditFence, "order-1")
		require.Len(t, fences, 1)
		assert.Equal(t, fence.Confirmed, fences[0].State)
	})
}
