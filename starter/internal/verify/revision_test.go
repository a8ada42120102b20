package verify_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/order"
	"orderflow/starter/internal/verify"
	"orderflow/workflows/contract"
)

// Whoever does not know how many revisions there were undoes all that there may
// have been. Those that were not leave tombstones, in any order.
func TestTombstonesHaveNoOrder(t *testing.T) {
	s := newSystem(t, sqlstoretest.SQLite)
	s.live()
	s.park(nil)
	s.awaitProjection()
	for _, revision := range []int{2, 3} {
		s.plant("shipping", `INSERT INTO fence (order_id, step, revision, state, body_hash, answer, tried_at, confirmed_at, compensated_at)
			SELECT order_id, step, $2, 'compensated', '', '', 0, 0, compensated_at + 3600000000 FROM fence
			WHERE order_id = $1 AND revision = 1`, parked.orderID, revision)
	}
	requireHolds(t, s.verify())
	s.plant("shipping", `UPDATE fence SET tried_at = 1 WHERE order_id = $1 AND revision = 3`, parked.orderID)
	requireBroken(t, s.verify(), []int{verify.Compensation}, parked.orderID)
}

// fixedTwice is an order whose payment method and address were refused first.
var fixedTwice = story{
	orderID: contract.OrderIDForKey("cust-eve", "fixed"), customerID: "cust-eve", keyed: true,
	product: "prod-cup", quantity: 2, method: "pm_card_chargeDeclined", postalCode: "00000",
}

// fix takes the order through a declined charge and a refused shipment. What
// came before is requested again under the same keys, and has no effect.
func (s *system) fix(stopAfter string) story {
	s.t.Helper()
	attempt := fixedTwice
	_, err := s.forward(s.t.Context(), attempt)
	require.Equal(s.t, problem.PaymentDeclined, problem.CodeOf(err))
	s.decide(attempt, 1, order.InterventionFix, contract.StepChargePayment)
	attempt.method, attempt.revisions = "pm_card_visa", map[string]int{contract.StepChargePayment: 2}
	_, err = s.forward(s.t.Context(), attempt)
	require.Equal(s.t, problem.ShipmentRefused, problem.CodeOf(err))
	s.decide(attempt, 2, order.InterventionFix, contract.StepShipOrder)
	attempt.postalCode, attempt.revisions[contract.StepShipOrder] = "EC1", 2
	attempt.stopAfter = stopAfter
	_, err = s.forward(s.t.Context(), attempt)
	require.NoError(s.t, err)
	return attempt
}

// undoFixed undoes every revision of it, the last one first, as the saga does.
func (s *system) undoFixed(attempt story) {
	s.t.Helper()
	first := attempt
	first.revisions = nil
	for _, step := range []string{
		contract.StepShipOrder, contract.StepChargePayment, contract.StepReserveInventory, contract.StepCreateOrder,
	} {
		if attempt.revisions[step] > 1 {
			require.NoError(s.t, s.undo(s.t.Context(), attempt, []string{step}, "late"))
		}
		require.NoError(s.t, s.undo(s.t.Context(), first, []string{step}, "late"))
	}
}

func TestAFixedOrderHasRevisionsOfItsSteps(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newDSN func(testing.TB) string) {
		s := newSystem(t, newDSN)
		s.live()
		s.fix("")
		s.awaitProjection()
		report := s.verify()
		requireHolds(t, report)
		assert.Equal(t, 3, report.Invariant(verify.End).Figures.Get("shipped"))
		assert.Equal(t, 4, report.Invariant(verify.AtMostOne).Figures.Get("liveCharges"))
	})
	t.Run("undone", func(t *testing.T) {
		eachDatabase(t, func(t *testing.T, newDSN func(testing.TB) string) {
			s := newSystem(t, newDSN)
			s.live()
			s.undoFixed(s.fix(contract.StepShipOrder))
			s.awaitProjection()
			report := s.verify()
			requireHolds(t, report)
			assert.Equal(t, 5, report.Invariant(verify.End).Figures.Get("cancelled"))
			s.undoneSlowly(1)
			requireHolds(t, s.verify())
		})
	})
}

// undoneSlowly makes that revision of the charge the one that was undone an
// hour after the other, and the steps before it later still.
func (s *system) undoneSlowly(revision int) {
	s.t.Helper()
	const hour = 3_600_000_000
	later := `UPDATE fence SET compensated_at = compensated_at + $2 WHERE order_id = $1 AND compensated_at > 0`
	s.plant("payment", later+` AND revision = $3`, fixedTwice.orderID, hour, revision)
	s.plant("inventory", later, fixedTwice.orderID, 2*hour)
	s.plant("order", later, fixedTwice.orderID, 3*hour)
}

func TestPlantedRowsOfFixedOrdersAreFound(t *testing.T) {
	for name, test := range map[string]struct {
		undone bool
		breaks []int
		detail string
		plant  func(s *system)
	}{
		"a first charge that was not refused": {false, []int{verify.Compensation}, "ChargePayment has 2 confirmed fence rows", func(s *system) {
			s.plant("payment", `DELETE FROM payment_simulator_charge WHERE idempotency_key = $1 || '/ChargePayment/1'`, fixedTwice.orderID)
		}},
		"a first shipment that was not refused": {false, []int{verify.Compensation}, "ShipOrder has 2 confirmed fence rows", func(s *system) {
			s.plant("shipping", `DELETE FROM carrier_simulator_consignment WHERE idempotency_key = $1 || '/ShipOrder/1'`, fixedTwice.orderID)
		}},
		"a second charge that was undone": {false, []int{verify.Compensation}, "ChargePayment has 0 confirmed fence rows", func(s *system) {
			s.plant("payment", `UPDATE fence SET state = 'compensated', compensated_at = confirmed_at WHERE order_id = $1 AND revision = 2`, fixedTwice.orderID)
		}},
		"a first charge whose outcome was never learnt": {false, []int{verify.Compensation}, "was tried and never confirmed or compensated", func(s *system) {
			s.plant("payment", `UPDATE fence SET state = 'tried', answer = '', confirmed_at = 0 WHERE order_id = $1 AND revision = 1`, fixedTwice.orderID)
		}},
		"a second revision that was not undone": {true, []int{verify.Compensation}, "ChargePayment at payment is confirmed and not compensated", func(s *system) {
			s.plant("payment", `UPDATE fence SET state = 'confirmed', compensated_at = 0 WHERE order_id = $1 AND revision = 2`, fixedTwice.orderID)
		}},
		"revisions undone in the wrong order": {true, []int{verify.Compensation}, "ChargePayment was compensated at", func(s *system) {
			s.undoneSlowly(2)
		}},
		"a refund of the first revision instead of the second": {true, []int{verify.Money}, "the provider still holds 5.00 USD", func(s *system) {
			s.plant("payment", `DELETE FROM payment_simulator_movement WHERE kind = 'refund' AND order_id = $1`, fixedTwice.orderID)
			s.plant("payment", `UPDATE payment_simulator_charge SET state = 'captured' WHERE order_id = $1 AND state = 'refunded'`, fixedTwice.orderID)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, sqlstoretest.SQLite)
			s.live()
			if test.undone {
				s.undoFixed(s.fix(contract.StepShipOrder))
			} else {
				s.fix("")
			}
			s.awaitProjection()
			requireHolds(t, s.verify())
			test.plant(s)
			report := s.verify()
			requireBroken(t, report, test.breaks, fixedTwice.orderID)
			var details []string
			for _, number := range test.breaks {
				for _, breach := range report.Invariant(number).Breaches {
					details = append(details, breach.Detail)
				}
			}
			assert.Contains(t, strings.Join(details, "\n"), test.detail)
		})
	}
}
