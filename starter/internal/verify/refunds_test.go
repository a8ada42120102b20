package verify_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/money"
	"orderflow/services/payment"
	"orderflow/starter/internal/verify"
	"orderflow/workflows/contract"
)

// agreedStep is what agreed refunds are requested under.
const agreedStep = "AgreedRefund"

func (story story) agreedRefund(nth int, amount int64) payment.AgreedRefundRequest {
	return payment.AgreedRefundRequest{
		Key:    payment.Key{OrderID: story.orderID, Step: agreedStep, Revision: nth},
		Amount: money.New(amount, "USD"), Reason: "a crack",
	}
}

// Orders of which some money goes back once they are paid, and what becomes of
// them.
var (
	discounted = story{
		orderID: contract.OrderIDForKey("cust-ada", "discounted"), customerID: "cust-ada", keyed: true,
		product: "prod-cup", quantity: 2, method: "pm_card_visa", agreed: 150,
	}
	refusedAfterDiscount = story{
		orderID: contract.OrderIDForKey("cust-bob", "refused-after-discount"), customerID: "cust-bob", keyed: true,
		product: "prod-cup", quantity: 2, method: "pm_card_visa", postalCode: "00000", agreed: 150,
	}
	// unreturnable is undone, but its provider refuses to give the money back.
	unreturnable = story{
		orderID: contract.OrderIDForKey("cust-bob", "unreturnable"), customerID: "cust-bob", keyed: true,
		product: "prod-cup", quantity: 1, method: "pm_card_refundFail", postalCode: "00000",
	}
)

// giveBack gives an amount back by agreement.
func (s *system) giveBack(story story, nth int, amount int64) {
	s.t.Helper()
	_, err := s.payments.RefundAgreed(s.t.Context(), story.agreedRefund(nth, amount))
	require.NoError(s.t, err)
}

// forgetRefund takes an agreed refund out of the ledger.
func (s *system) forgetRefund(story story, nth int) {
	s.t.Helper()
	id := story.agreedRefund(nth, 0).Key.String() + "/refund"
	s.plant("payment", `DELETE FROM ledger_entry WHERE transaction_id = $1`, id)
	s.plant("payment", `DELETE FROM ledger_transaction WHERE transaction_id = $1`, id)
}

func TestAgreedRefundsAreAccountedFor(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newDSN func(testing.TB) string) {
		s := newSystem(t, newDSN)
		s.live()
		require.NoError(t, s.play(t.Context(), discounted))
		require.NoError(t, s.play(t.Context(), refusedAfterDiscount))
		s.giveBack(happy, 1, 200)
		s.giveBack(happy, 2, 300)
		s.giveBack(waiting, 1, 50)
		s.awaitProjection()
		report := s.verify(func(c *verify.Config) { c.PageSize = 3 })
		requireHolds(t, report)
		figures := report.Invariant(verify.Money).Figures
		assert.Equal(t, "40.00 USD", fmt.Sprint(figures.Get("captured")))
		assert.Equal(t, "22.00 USD", fmt.Sprint(figures.Get("refunded")))
		assert.Equal(t, "8.50 USD", fmt.Sprint(figures.Get("agreed")))
		assert.Equal(t, 3, report.Invariant(verify.AtMostOne).Figures.Get("liveCharges"), "unkeyed, discounted, waiting")
	})
}

// The service was killed when the provider had given the money back: an order
// that has shipped may wait for that, until somebody says that nothing is in
// flight any more.
func TestAnAgreedRefundMayBeInFlight(t *testing.T) {
	for _, atProvider := range []bool{true, false} {
		s := newSystem(t, sqlstoretest.SQLite)
		require.NoError(t, s.play(t.Context(), withStock(s, happy)))
		s.giveBack(happy, 1, 200)
		s.forgetRefund(happy, 1)
		s.plant("payment", `UPDATE refund SET state = 'requested', reference = '', settled_at = 0 WHERE order_id = $1`, happy.orderID)
		s.plant("payment", `UPDATE fence SET state = 'tried', answer = '', confirmed_at = 0 WHERE order_id = $1 AND step = $2`, happy.orderID, agreedStep)
		if !atProvider {
			s.plant("payment", `DELETE FROM payment_simulator_movement WHERE kind = 'refund' AND order_id = $1`, happy.orderID)
			s.plant("payment", `DELETE FROM payment_simulator_refund WHERE order_id = $1`, happy.orderID)
		}
		s.awaitProjection()
		requireHolds(t, s.verify())
		requireBroken(t, s.verify(func(c *verify.Config) { c.AtRest = true }), []int{verify.Money}, happy.orderID)

		s.giveBack(happy, 1, 200)
		requireHolds(t, s.verify(func(c *verify.Config) { c.AtRest = true }))
	}
}

// withStock has goods for the story on the shelf.
func withStock(s *system, story story) story {
	s.count(story.product, 10)
	return story
}

// A compensation that the provider refuses leaves an order in flight, with its
// money and the record of each attempt.
func TestARefusedCompensationWaits(t *testing.T) {
	eachDatabase(t, func(t *testing.T, newDSN func(testing.TB) string) {
		s := newSystem(t, newDSN)
		blocked := withStock(s, unreturnable)
		require.Equal(t, problem.RefundRefused, problem.CodeOf(s.play(t.Context(), blocked)))
		s.awaitProjection()
		report := s.verify()
		requireHolds(t, report)
		assert.Equal(t, 1, report.Invariant(verify.End).Figures.Get("inFlight"))
		assert.Equal(t, 1, report.Invariant(verify.AtMostOne).Figures.Get("liveCharges"))

		require.NoError(t, s.payments.SimulateRefunds(t.Context(), blocked.orderID, payment.AcceptRefunds))
		require.NoError(t, s.undo(t.Context(), blocked, []string{
			contract.StepCreateOrder, contract.StepReserveInventory, contract.StepChargePayment, contract.StepShipOrder,
		}, "no refund"))
		s.awaitProjection()
		report = s.verify(func(c *verify.Config) { c.AtRest = true })
		requireHolds(t, report)
		assert.Equal(t, 1, report.Invariant(verify.End).Figures.Get("cancelled"))

		s.plant("payment", `UPDATE payment_simulator_refund SET state = 'settled' WHERE state = 'refused'`)
		requireBroken(t, s.verify(), []int{verify.Money}, blocked.orderID)
	})
}

// A charge with agreed refunds is undone in parts, of which one may be back and
// another under way. That excuses no order that is not being undone.
func TestAChargeIsUndoneInParts(t *testing.T) {
	s := newSystem(t, sqlstoretest.SQLite)
	half := withStock(s, waiting)
	require.NoError(t, s.play(t.Context(), half))
	s.giveBack(half, 1, 1000)
	require.NoError(t, s.payments.Refund(t.Context(), payment.RefundRequest{Key: half.key(contract.StepChargePayment), Reason: "late"}))
	s.forgetRefund(half, 1)
	s.plant("payment", `UPDATE refund SET state = 'requested', settled_at = 0 WHERE order_id = $1 AND kind = 'agreed'`, half.orderID)
	s.plant("payment", `UPDATE fence SET state = 'tried', answer = '', confirmed_at = 0 WHERE order_id = $1 AND step = $2`, half.orderID, agreedStep)
	s.awaitProjection()
	requireHolds(t, s.verify())

	s.plant("payment", `DELETE FROM refund WHERE order_id = $1 AND kind = 'agreed'`, half.orderID)
	requireBroken(t, s.verify(), []int{verify.Money}, half.orderID)
}
