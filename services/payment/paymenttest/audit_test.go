package paymenttest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/audit/audittest"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/money"
	"orderflow/services/payment"
	"orderflow/services/payment/paymenttest"
)

func TestTheAuditShowsTheServicesRowsAndTheProviders(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := paymenttest.Start(t, paymenttest.WithDSN(dsn))
		keys := []payment.Key{{OrderID: "order-1", Step: "ChargePayment", Revision: 1}, {OrderID: "order-2", Step: "ChargePayment", Revision: 1}}
		for _, key := range keys {
			_, err := service.Charge(t.Context(), payment.ChargeRequest{
				Key: key, CustomerID: "cust-ada", Amount: money.New(500, "USD"), Method: "pm_card_visa",
			})
			require.NoError(t, err)
		}
		agreed, err := service.RefundAgreed(t.Context(), payment.AgreedRefundRequest{
			Key: payment.Key{OrderID: "order-2", Step: "AgreedRefund", Revision: 1}, Amount: money.New(200, "USD"), Reason: "late",
		})
		require.NoError(t, err)
		require.NoError(t, service.SimulateRefunds(t.Context(), "order-2", payment.RefuseRefunds))
		require.Error(t, service.Refund(t.Context(), payment.RefundRequest{Key: keys[1], Reason: "undone"}))
		require.NoError(t, service.SimulateRefunds(t.Context(), "order-2", payment.AcceptRefunds))
		require.NoError(t, service.Refund(t.Context(), payment.RefundRequest{Key: keys[1], Reason: "undone"}))

		charges := audittest.Walk(t, service.AuditCharges, "")
		require.Len(t, charges, 2)
		assert.Equal(t, keys[0], charges[0].Key)
		assert.Equal(t, money.New(500, "USD"), charges[0].Amount)
		assert.Equal(t, []string{"captured", "refunded"}, []string{charges[0].State, charges[1].State})

		assert.True(t, charges[0].ClosedAt.IsZero())
		assert.False(t, charges[1].ClosedAt.IsZero())

		refunds := audittest.Walk(t, service.AuditRefunds, "order-2")
		require.Len(t, refunds, 3)
		assert.Equal(t, payment.RefundRow{
			Key: agreed.Key, RefundID: agreed.RefundID, Charge: keys[1].String(), Kind: "agreed", State: "settled",
			Amount: 200, Currency: "USD", Reference: agreed.Reference, RequestedAt: agreed.RequestedAt, SettledAt: agreed.SettledAt,
		}, refunds[0])
		for i, state := range []string{"failed", "settled"} {
			refund := refunds[i+1]
			assert.Equal(t, keys[1], refund.Key)
			assert.Equal(t, []string{"compensation", state}, []string{refund.Kind, refund.State})
			assert.EqualValues(t, 300, refund.Amount)
			assert.Equal(t, state == "failed", !refund.FailedAt.IsZero())
		}
		assert.Empty(t, audittest.Walk(t, service.AuditRefunds, "order-1"))

		assert.Len(t, audittest.Walk(t, service.AuditLedgerTransactions, ""), 4)
		sum := int64(0)
		for _, entry := range audittest.Walk(t, service.AuditLedgerEntries, "") {
			sum += entry.Amount.Amount
		}
		assert.Zero(t, sum)
		assert.Len(t, audittest.Walk(t, service.AuditLedgerEntries, "order-1"), 2)

		provided := audittest.Walk(t, service.AuditProviderCharges, "order-2")
		require.Len(t, provided, 1)
		assert.Equal(t, "order-2/ChargePayment/1", provided[0].IdempotencyKey)
		assert.Equal(t, "refunded", provided[0].State)
		var answers []string
		for _, answer := range audittest.Walk(t, service.AuditProviderRefunds, "order-2") {
			assert.Equal(t, "order-2/ChargePayment/1", answer.ChargeKey)
			answers = append(answers, answer.IdempotencyKey+" "+answer.State)
		}
		assert.Equal(t, []string{
			"order-2/AgreedRefund/1/refund settled", "order-2/ChargePayment/1/refund refused", "order-2/ChargePayment/1/refund/2 settled",
		}, answers)
		var moved []string
		for _, movement := range audittest.Walk(t, service.AuditProviderMovements, "order-2") {
			assert.Equal(t, "order-2/ChargePayment/1", movement.ChargeKey)
			moved = append(moved, movement.Kind+" "+movement.Amount.String())
		}
		assert.ElementsMatch(t, []string{"capture 5.00 USD", "refund 2.00 USD", "refund 3.00 USD"}, moved)

		fences := audittest.Walk(t, service.AuditFence, "order-2")
		require.Len(t, fences, 2)
		assert.True(t, fences[0].CompensatedAt.IsZero())
		assert.False(t, fences[1].CompensatedAt.IsZero())
	})
}
