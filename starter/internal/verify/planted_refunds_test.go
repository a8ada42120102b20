package verify_test

import "orderflow/starter/internal/verify"

// plantedRefunds are wrong rows of refunds. Each gives some money back first.
var plantedRefunds = []planting{
	{
		"an agreed refund that the provider never made", []int{verify.Money}, happy.orderID, `but the provider calls it "", of 0`,
		func(s *system) {
			s.giveBack(happy, 1, 200)
			s.plant("payment", `DELETE FROM payment_simulator_movement WHERE kind = 'refund' AND order_id = $1`, happy.orderID)
			s.plant("payment", `DELETE FROM payment_simulator_refund WHERE order_id = $1`, happy.orderID)
		},
	},
	{
		"an agreed refund that nobody knows of but the provider", []int{verify.Money}, happy.orderID, "which the service does not know",
		func(s *system) {
			s.giveBack(happy, 1, 200)
			s.forgetRefund(happy, 1)
			s.plant("payment", `DELETE FROM refund WHERE order_id = $1`, happy.orderID)
			s.plant("payment", `DELETE FROM fence WHERE order_id = $1 AND step = $2`, happy.orderID, agreedStep)
		},
	},
	{
		"a refund of another amount than the provider's", []int{verify.Money}, happy.orderID, `of 1.99 USD is settled, but the provider calls it "settled", of 2.00 USD`,
		func(s *system) {
			s.giveBack(happy, 1, 200)
			s.plant("payment", `UPDATE refund SET amount = 199 WHERE order_id = $1`, happy.orderID)
			s.plant("payment", `UPDATE ledger_entry SET amount = CASE WHEN amount < 0 THEN -199 ELSE 199 END
				WHERE transaction_id IN (SELECT transaction_id FROM ledger_transaction WHERE kind = 'refund' AND order_id = $1)`, happy.orderID)
		},
	},
	{
		"a refund that is settled and not booked", []int{verify.Money}, happy.orderID, "of 2.00 USD is settled, but the ledger has 0",
		func(s *system) {
			s.giveBack(happy, 1, 200)
			s.forgetRefund(happy, 1)
		},
	},
	{
		"a refund that is booked and not settled", []int{verify.Money}, happy.orderID, "which is not settled",
		func(s *system) {
			s.giveBack(happy, 1, 200)
			s.plant("payment", `UPDATE refund SET state = 'requested' WHERE order_id = $1`, happy.orderID)
		},
	},
	{
		"a failed refund that the provider has made", []int{verify.Money}, happy.orderID, `has failed, but the provider calls it "settled"`,
		func(s *system) {
			s.giveBack(happy, 1, 200)
			s.plant("payment", `UPDATE refund SET state = 'failed' WHERE order_id = $1`, happy.orderID)
			s.forgetRefund(happy, 1)
		},
	},
	{
		"more that went back than was captured", []int{verify.Money}, happy.orderID, "the provider captured 5.00 USD, but refunded 6.00 USD",
		func(s *system) {
			s.giveBack(happy, 1, 200)
			s.plant("payment", `UPDATE refund SET amount = 600 WHERE order_id = $1`, happy.orderID)
			s.plant("payment", `UPDATE payment_simulator_refund SET amount = 600 WHERE order_id = $1`, happy.orderID)
			s.plant("payment", `UPDATE payment_simulator_movement SET amount = 600 WHERE kind = 'refund' AND order_id = $1`, happy.orderID)
			s.plant("payment", `UPDATE ledger_entry SET amount = 3 * amount
				WHERE transaction_id IN (SELECT transaction_id FROM ledger_transaction WHERE kind = 'refund' AND order_id = $1)`, happy.orderID)
		},
	},
	{
		"a compensation of a shipped order, called agreed", []int{verify.Money}, happy.orderID, "is called agreed, but its key is",
		func(s *system) {
			s.giveBack(happy, 1, 500)
			s.plant("payment", `UPDATE refund SET step = charge_step, revision = charge_revision WHERE order_id = $1`, happy.orderID)
		},
	},
	{
		"a compensation of a shipped order", []int{verify.Money}, happy.orderID, "it is shipped with a total of 5.00 USD, but the provider holds 3.00 USD",
		func(s *system) {
			s.giveBack(happy, 1, 200)
			s.plant("payment", `UPDATE refund SET kind = 'compensation', step = charge_step, revision = charge_revision WHERE order_id = $1`, happy.orderID)
		},
	},
	{
		"an agreed refund that does not add up", []int{verify.Money}, waiting.orderID, "the provider holds 10.49 USD, and 2.00 USD went back in agreement",
		func(s *system) {
			s.giveBack(waiting, 1, 200)
			s.plant("payment", `UPDATE payment_simulator_charge SET amount = amount - 1 WHERE order_id = $1`, waiting.orderID)
			s.plant("payment", `UPDATE payment_simulator_movement SET amount = amount - 1 WHERE kind = 'capture' AND order_id = $1`, waiting.orderID)
		},
	},
	{
		"a provider that calls a charge refunded of which some is left", []int{verify.Money}, happy.orderID, "refunded, with 1 captures of 500 and 1 refunds of 200",
		func(s *system) {
			s.giveBack(happy, 1, 200)
			s.plant("payment", `UPDATE payment_simulator_charge SET state = 'refunded' WHERE order_id = $1`, happy.orderID)
		},
	},
	{
		"a service that calls a charge refunded of which some is left", []int{verify.Money}, happy.orderID, "of 5.00 USD is refunded, and 200 of it is back",
		func(s *system) {
			s.giveBack(happy, 1, 200)
			s.plant("payment", `UPDATE charge SET state = 'refunded' WHERE order_id = $1`, happy.orderID)
		},
	},

	{
		"an agreed refund that was not fenced", []int{verify.Compensation}, happy.orderID, "the refund under",
		func(s *system) {
			s.giveBack(happy, 1, 200)
			s.plant("payment", `DELETE FROM fence WHERE order_id = $1 AND step = $2`, happy.orderID, agreedStep)
		},
	},
	{
		"an agreed refund whose answer was not kept", []int{verify.Compensation}, happy.orderID, "AgreedRefund at payment was tried and never confirmed",
		func(s *system) {
			s.giveBack(happy, 1, 200)
			s.plant("payment", `UPDATE fence SET state = 'tried', answer = '', confirmed_at = 0 WHERE order_id = $1 AND step = $2`, happy.orderID, agreedStep)
		},
	},
}
