package verify_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/inventory"
	"orderflow/services/payment"
	"orderflow/starter/internal/verify"
	"orderflow/workflows/contract"
)

// orphan has effects, but was never accepted.
var orphan = story{
	orderID: contract.OrderIDForKey("cust-eve", "orphan"), customerID: "cust-eve",
	product: "prod-cup", quantity: 1, method: "pm_card_visa", stopAfter: contract.StepReserveInventory,
}

func TestEffectsWithoutAnOrderHoldOnlyWhenTheyAreUndone(t *testing.T) {
	s := newSystem(t, sqlstoretest.SQLite)
	s.live()
	_, err := s.inventory.Reserve(t.Context(), inventory.ReserveRequest{
		Key: orphan.key(contract.StepReserveInventory), Lines: []inventory.Line{{ProductID: orphan.product, Quantity: 1}},
	})
	require.NoError(t, err)
	s.awaitProjection()
	requireBroken(t, s.verify(), []int{verify.End}, orphan.orderID)

	// The tombstone of a charge that never came is no effect.
	require.NoError(t, s.payments.Refund(t.Context(), payment.RefundRequest{Key: orphan.key(contract.StepChargePayment), Reason: "stray"}))
	require.NoError(t, s.inventory.Release(t.Context(), inventory.ReleaseRequest{Key: orphan.key(contract.StepReserveInventory)}))
	requireHolds(t, s.verify())
}
