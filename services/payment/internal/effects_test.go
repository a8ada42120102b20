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
	"orderflow/services/money"
	"orderflow/services/payment"
	"orderflow/services/payment/internal"
	"orderflow/services/payment/paymenttest"
)

func TestMoneyThatTheShopHasIsListedUntilAllOfItIsBack(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := paymenttest.Start(t, paymenttest.WithDSN(dsn))
		before := time.Now().Add(-time.Minute)
		keys := make([]payment.Key, 4)
		for i, order := range []string{"order-1", "order-2", "order-3", "order-4"} {
			keys[i] = payment.Key{OrderID: order, Step: "ChargePayment", Revision: 1}
			method := "pm_card_visa"
			if i == 3 {
				method = "pm_card_chargeDeclined"
			}
			_, err := service.Charge(t.Context(), payment.ChargeRequest{
				Key: keys[i], CustomerID: "cust-ada", Amount: money.New(500, "USD"), Method: method,
			})
			require.Equal(t, i == 3, err != nil)
		}
		require.NoError(t, service.Refund(t.Context(), payment.RefundRequest{Key: keys[1], Reason: "undone"}))
		_, err := service.RefundAgreed(t.Context(), payment.AgreedRefundRequest{
			Key: payment.Key{OrderID: "order-3", Step: "agreed", Revision: 1}, Amount: money.New(100, "USD"), Reason: "scratched",
		})
		require.NoError(t, err)

		after := time.Now().Add(time.Minute)
		require.Equal(t, []payment.Key{keys[0], keys[2]}, keysOf(effectstest.Walk(t, service.Captured, before, after)))
		require.Empty(t, effectstest.Walk(t, service.Captured, time.Time{}, before))
		require.Empty(t, effectstest.Walk(t, service.OpenFences, time.Time{}, after), "the provider has answered every time")
	})
}

// A charge whose answer never came is an open fence and not a captured charge.
func TestAChargeWithoutAnAnswerIsAnOpenFence(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := paymenttest.Start(t, paymenttest.WithDSN(dsn))
		db := sqlstoretest.Open(t, dsn)
		begun := fence.Key{OrderID: "order-1", Step: "ChargePayment", Revision: 1}
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := fence.Begin(ctx, tx, begun, "body", time.Now())
			return err
		}))
		after := time.Now().Add(time.Minute)
		require.Equal(t, []payment.Key{begun}, keysOf(effectstest.Walk(t, service.OpenFences, time.Time{}, after)))
		require.Empty(t, effectstest.Walk(t, service.Captured, time.Time{}, after))
	})
}

func keysOf(all []effects.Effect) (keys []payment.Key) {
	for _, effect := range all {
		keys = append(keys, effect.Key)
	}
	return keys
}

// Charges that were captured are the greater part of all. Those of a time are
// found along their index.
func TestMoneyOfATimeIsFoundWithoutLookingAtTheRest(t *testing.T) {
	sqlstoretest.Each(t, internal.Schemas(), func(t *testing.T, db *sqlstore.DB) {
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `
				INSERT INTO charge (order_id, step, revision, customer_id, amount, currency, method, state, reference, reason, updated_at)
				WITH RECURSIVE serial(n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM serial WHERE n < 50000)
				SELECT 'order-' || n, 'ChargePayment', 1, 'cust-ada', 1, 'USD', 'pm_card_visa',
				       CASE WHEN n % 10 = 0 THEN 'declined' ELSE 'captured' END, '', '', 1772366400000000 + n
				FROM serial`)
			return err
		}))
		effectstest.RequireIndex(t, db, internal.EffectKinds()[0], "charge_captured")
	})
}
