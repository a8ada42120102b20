package shippingtest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/audit/audittest"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/shipping"
	"orderflow/services/shipping/shippingtest"
)

func TestTheAuditShowsTheServicesRowsAndTheCarriers(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := shippingtest.Start(t, shippingtest.WithDSN(dsn))
		key := shipping.Key{OrderID: "order-1", Step: "ShipOrder", Revision: 1}
		shipped, err := service.Ship(t.Context(), shipping.ShipRequest{
			Key:     key,
			Address: shipping.Address{Name: "Ada", Line1: "12 Analytical Row", City: "London", Country: "GB"},
			Parcels: []shipping.Parcel{{ProductID: "prod-a", Quantity: 2}},
		})
		require.NoError(t, err)
		tombstone := shipping.Key{OrderID: "order-2", Step: "ShipOrder", Revision: 1}
		require.NoError(t, service.Cancel(t.Context(), shipping.CancelRequest{Key: tombstone, Reason: "undone"}))

		shipments := audittest.Walk(t, service.AuditShipments, "")
		require.Len(t, shipments, 1)
		assert.Equal(t, key, shipments[0].Key)
		assert.Equal(t, "accepted", shipments[0].State)
		assert.Equal(t, "none", shipments[0].Cancellation)
		assert.Equal(t, shipped.TrackingNumber, shipments[0].TrackingNumber)

		consignments := audittest.Walk(t, service.AuditConsignments, "order-1")
		require.Len(t, consignments, 1)
		assert.Equal(t, "order-1/ShipOrder/1", consignments[0].IdempotencyKey)
		assert.Equal(t, "accepted", consignments[0].State)

		fences := audittest.Walk(t, service.AuditFence, "order-2")
		require.Len(t, fences, 1)
		assert.True(t, fences[0].TriedAt.IsZero(), "a tombstone")
	})
}
