package internal_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/effects"
	"orderflow/internal/effects/effectstest"
	"orderflow/internal/fence"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/shipping"
	"orderflow/services/shipping/internal"
	"orderflow/services/shipping/shippingtest"
)

func TestWhatTheCarrierHasAcceptedIsListedUntilItIsCalledOff(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := shippingtest.Start(t, shippingtest.WithDSN(dsn))
		before := time.Now().Add(-time.Minute)
		for order, postalCode := range map[string]string{"order-1": goodPostalCode, "order-2": goodPostalCode, "order-3": "00000"} {
			_, err := service.Ship(t.Context(), shipOf(order, 1, postalCode))
			require.Equal(t, order == "order-3", err != nil)
		}
		require.NoError(t, service.Cancel(t.Context(), cancelOf("order-2", 1)))
		begun := key("order-4", 1)
		require.NoError(t, sqlstoretest.Open(t, dsn).InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := fence.Begin(ctx, tx, begun, "body", time.Now())
			return err
		}))

		after := time.Now().Add(time.Minute)
		require.Equal(t, []shipping.Key{key("order-1", 1)}, keysOf(effectstest.Walk(t, service.Accepted, before, after)))
		require.Empty(t, effectstest.Walk(t, service.Accepted, time.Time{}, before))
		require.Equal(t, []shipping.Key{begun}, keysOf(effectstest.Walk(t, service.OpenFences, time.Time{}, after)))
	})
}

func keysOf(all []effects.Effect) (keys []shipping.Key) {
	for _, effect := range all {
		keys = append(keys, effect.Key)
	}
	return keys
}

// Shipments that were accepted are the greater part of all. Those of a time are
// found along their index.
func TestShipmentsOfATimeAreFoundWithoutLookingAtTheRest(t *testing.T) {
	sqlstoretest.Each(t, internal.Schemas(), func(t *testing.T, db *sqlstore.DB) {
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `
				INSERT INTO shipment (order_id, step, revision, state, cancellation, tracking_number, carrier, reason, updated_at)
				WITH RECURSIVE serial(n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM serial WHERE n < 50000)
				SELECT 'order-' || n, 'ShipOrder', 1, CASE WHEN n % 10 = 0 THEN 'refused' ELSE 'accepted' END, 'none', '', '', '', 1772366400000000 + n
				FROM serial`)
			return err
		}))
		effectstest.RequireIndex(t, db, internal.EffectKinds()[0], "shipment_accepted")
	})
}
