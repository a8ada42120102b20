package verify_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/starter/internal/verify"
	"orderflow/workflows/contract"
)

// turnedBack was undone when a worker that had been frozen had already taken its
// stock off the shelf.
var turnedBack = story{
	orderID: contract.OrderIDForKey("cust-eve", "turned-back"), customerID: "cust-eve", keyed: true,
	product: "prod-cup", quantity: 2, method: "pm_card_visa", stopAfter: contract.StepCommitInventory,
}

func TestCommittedStockMayComeBack(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newDSN func(testing.TB) string) {
		s := newSystem(t, newDSN)
		s.live()
		before := s.verify().Invariant(verify.Stock).Figures
		tried, err := s.forward(t.Context(), turnedBack)
		require.NoError(t, err)
		require.NoError(t, s.undo(t.Context(), turnedBack, tried, "changed my mind"))
		s.awaitProjection()
		report := s.verify()
		requireHolds(t, report)
		for _, figure := range []string{"onHand", "reserved", "shipped"} {
			require.Equal(t, before.Get(figure), report.Invariant(verify.Stock).Figures.Get(figure), figure)
		}
	})
}

func TestPlantedRowsOfStockThatCameBackAreFound(t *testing.T) {
	for name, planted := range map[string]struct {
		breaks []int
		plant  string
	}{
		"another kind":         {[]int{verify.Stock}, `UPDATE stock_change SET kind = 'release' WHERE kind = 'return' AND order_id = $1`},
		"still committed":      {[]int{verify.Stock}, `UPDATE reservation SET state = 'committed' WHERE order_id = $1`},
		"a commit that stands": {[]int{verify.Compensation}, `UPDATE fence SET state = 'confirmed', compensated_at = 0 WHERE step = 'CommitInventory' AND order_id = $1`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSystem(t, sqlstoretest.SQLite)
			s.live()
			tried, err := s.forward(t.Context(), turnedBack)
			require.NoError(t, err)
			require.NoError(t, s.undo(t.Context(), turnedBack, tried, "changed my mind"))
			s.awaitProjection()
			s.plant("inventory", planted.plant, turnedBack.orderID)
			requireBroken(t, s.verify(), planted.breaks, turnedBack.orderID)
		})
	}
}
