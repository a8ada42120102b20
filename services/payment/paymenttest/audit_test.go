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
		require.NoError(t, service.Refund(t.Context(), payment.RefundRequest{Key: keys[1], Reason: "undone"}))

		charges := audittest.Walk(t, service.AuditCharges, "")
		require.Len(t, charges, 2)
		assert.Equal(t, keys[0], charges[0].Key)
		assert.Equal(t, money.New(500, "USD"), charges[0].Amount)
		assert.Equal(t, []string{"captured", "refunded"}, []string{charges[0].State, charges[1].State})

		refunds := audittest.Walk(t, service.AuditRefunds, "order-2")
		require.Len(t, refunds, 1)
		assert.Equal(t, "settled", refunds[0].State)
		assert.EqualValues(t, 500, refunds[0].Amount)
		assert.Empty(t, audittest.Walk(t, service.AuditRefunds, "order-1"))

		assert.Len(t, audittest.Walk(t, service.AuditLedgerTransactions, ""), 3)
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
		moved := audittest.Walk(t, service.AuditProviderMovements, "order-2")
		require.Len(t, moved, 2)
		assert.Equal(t, []string{"capture", "refund"}, []string{moved[0].Kind, moved[1].Kind})

		fences := audittest.Walk(t, service.AuditFence, "order-2")
		require.Len(t, fences, 1)
		assert.False(t, fences[0].CompensatedAt.IsZero())
	})
}
