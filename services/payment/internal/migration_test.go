package internal_test

import (
	"context"
	"database/sql"
	"os"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"orderflow/internal/fence"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/money"
	"orderflow/services/payment"
	"orderflow/services/payment/internal"
	"orderflow/services/payment/internal/simulator"
)

// firstVersion is a schema as its first migration alone makes it.
func firstVersion(t *testing.T, name, migration string) sqlstore.Schema {
	t.Helper()
	text, err := os.ReadFile(migration)
	require.NoError(t, err)
	return sqlstore.Schema{Name: name, Migrations: fstest.MapFS{"001_first.sql": {Data: text}}}
}

// writtenByFirstVersion are the rows that the version with one refund a charge
// has left behind, in each state that it could stop in.
var writtenByFirstVersion = []string{
	// Each charge with what the fence, the ledger and the provider know of it.
	`INSERT INTO fence (order_id, step, revision, state, body_hash, answer, tried_at, confirmed_at, compensated_at) VALUES
		('order-captured',  'ChargePayment', 1, 'confirmed',   'h', '{}', 1, 2, 0),
		('order-refunded',  'ChargePayment', 1, 'compensated', 'h', '{}', 1, 2, 3),
		('order-free',      'ChargePayment', 1, 'compensated', 'h', '{}', 1, 2, 3),
		('order-refunding', 'ChargePayment', 1, 'compensated', 'h', '{}', 1, 2, 3),
		('order-lost',      'ChargePayment', 1, 'compensated', 'h', '{}', 1, 2, 3),
		('order-declined',  'ChargePayment', 1, 'compensated', 'h', '',   1, 0, 3),
		('order-void',      'ChargePayment', 1, 'compensated', 'h', '',   1, 0, 3),
		('order-open',      'ChargePayment', 1, 'compensated', 'h', '',   1, 0, 3),
		('order-away',      'ChargePayment', 1, 'compensated', 'h', '',   1, 0, 3),
		('order-tombstone', 'ChargePayment', 1, 'compensated', '',  '',   0, 0, 3)`,
	`INSERT INTO charge (order_id, step, revision, customer_id, amount, currency, method, state, reference, reason, updated_at) VALUES
		('order-captured',  'ChargePayment', 1, 'cust-1', 9999, 'USD', 'pm_card_visa', 'captured', 'ch_1', '', 2),
		('order-refunded',  'ChargePayment', 1, 'cust-1', 9999, 'USD', 'pm_card_visa', 'refunded', 'ch_2', '', 4),
		('order-free',      'ChargePayment', 1, 'cust-1', 0,    'USD', 'pm_card_visa', 'refunded', 'ch_3', '', 4),
		('order-refunding', 'ChargePayment', 1, 'cust-1', 9999, 'USD', 'pm_card_visa', 'captured', 'ch_4', '', 2),
		('order-lost',      'ChargePayment', 1, 'cust-1', 9999, 'USD', 'pm_card_visa', 'captured', 'ch_5', '', 2),
		('order-declined',  'ChargePayment', 1, 'cust-1', 9999, 'USD', 'pm_card_chargeDeclined', 'declined', '', 'the card was declined', 4),
		('order-void',      'ChargePayment', 1, 'cust-1', 9999, 'USD', 'pm_card_visa', 'void', '', '', 4),
		('order-open',      'ChargePayment', 1, 'cust-1', 9999, 'USD', 'pm_card_visa', 'pending', '', '', 1),
		('order-away',      'ChargePayment', 1, 'cust-1', 9999, 'USD', 'pm_card_visa', 'pending', '', '', 1)`,
	`INSERT INTO refund (order_id, step, revision, state, amount, reason, requested_at, settled_at) VALUES
		('order-refunded',  'ChargePayment', 1, 'settled',   9999, 'out of stock', 3, 4),
		('order-free',      'ChargePayment', 1, 'settled',   0,    'out of stock', 3, 4),
		('order-refunding', 'ChargePayment', 1, 'requested', 0,    'out of stock', 3, 0),
		('order-lost',      'ChargePayment', 1, 'requested', 0,    'out of stock', 3, 0),
		('order-declined',  'ChargePayment', 1, 'settled',   0,    'out of stock', 3, 4),
		('order-void',      'ChargePayment', 1, 'settled',   0,    'out of stock', 3, 4),
		('order-open',      'ChargePayment', 1, 'requested', 0,    'out of stock', 3, 0),
		('order-away',      'ChargePayment', 1, 'requested', 0,    'out of stock', 3, 0)`,
	`INSERT INTO ledger_transaction (transaction_id, kind, order_id, reference, booked_at)
		SELECT order_id || '/ChargePayment/1/capture', 'capture', order_id, reference, 2 FROM charge WHERE state IN ('captured', 'refunded')`,
	`INSERT INTO ledger_transaction (transaction_id, kind, order_id, reference, booked_at)
		SELECT order_id || '/ChargePayment/1/refund', 'refund', order_id, reference, 4 FROM charge WHERE state = 'refunded'`,
	`INSERT INTO ledger_entry (transaction_id, account, amount, currency)
		SELECT t.transaction_id, 'cash-at-provider', CASE t.kind WHEN 'refund' THEN -c.amount ELSE c.amount END, c.currency
		FROM ledger_transaction t JOIN charge c ON c.order_id = t.order_id`,
	`INSERT INTO ledger_entry (transaction_id, account, amount, currency)
		SELECT transaction_id, 'customer-deposits', -amount, currency FROM ledger_entry`,

	// At the provider order-lost is refunded already, and order-away captured
	// and refunded; of order-open it has never heard.
	`INSERT INTO payment_simulator_charge
		(idempotency_key, order_id, customer_id, amount, currency, method, state, reference, reason, created_at)
		SELECT order_id || '/ChargePayment/1', order_id, customer_id, amount, currency, method, CASE
				WHEN order_id IN ('order-lost', 'order-away') THEN 'refunded'
				WHEN state = 'void' THEN 'voided' ELSE state END,
			CASE order_id WHEN 'order-away' THEN 'ch_9' ELSE reference END, reason, 1
		FROM charge WHERE order_id <> 'order-open'`,
	`INSERT INTO payment_simulator_movement (idempotency_key, kind, order_id, amount, currency, moved_at)
		SELECT idempotency_key, 'capture', order_id, amount, currency, 2
		FROM payment_simulator_charge WHERE state IN ('captured', 'refunded')`,
	`INSERT INTO payment_simulator_movement (idempotency_key, kind, order_id, amount, currency, moved_at)
		SELECT idempotency_key, 'refund', order_id, amount, currency, 4
		FROM payment_simulator_charge WHERE state = 'refunded'`,
}

// eachMigrated runs the suite on databases that the first version has written.
func eachMigrated(t *testing.T, suite func(t *testing.T, s shop)) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		before := sqlstoretest.Open(t, dsn, fence.Schema(),
			firstVersion(t, "payment", "migrations/001_payment.sql"),
			firstVersion(t, "payment_simulator", "simulator/migrations/001_payment_simulator.sql"))
		require.NoError(t, before.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			for _, statement := range writtenByFirstVersion {
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return err
				}
			}
			return nil
		}))
		db := sqlstoretest.Open(t, dsn, append(internal.Schemas(), simulator.Schema())...)
		suite(t, shop{db: db, bank: simulator.New(db, sqlstore.Now)})
	})
}

func TestPaymentsOfTheFirstVersionLookAsBefore(t *testing.T) {
	eachMigrated(t, func(t *testing.T, s shop) {
		p := s.start()
		for orderID, want := range map[string]payment.Payment{
			"order-captured":  {Status: payment.Captured, Captured: total, Refunded: money.Zero("USD"), Reference: "ch_1"},
			"order-refunded":  {Status: payment.Refunded, Captured: total, Refunded: total, Reference: "ch_2", Reason: "out of stock"},
			"order-free":      {Status: payment.Refunded, Captured: money.Zero("USD"), Refunded: money.Zero("USD"), Reference: "ch_3", Reason: "out of stock"},
			"order-refunding": {Status: payment.Refunding, Captured: total, Refunded: money.Zero("USD"), Reference: "ch_4", Reason: "out of stock"},
			"order-lost":      {Status: payment.Refunding, Captured: total, Refunded: money.Zero("USD"), Reference: "ch_5", Reason: "out of stock"},
			"order-declined":  {Status: payment.Declined, Captured: money.Zero("USD"), Refunded: money.Zero("USD"), Reason: "the card was declined"},
			"order-open":      {Status: payment.Refunding, Captured: money.Zero("USD"), Refunded: money.Zero("USD"), Reason: "out of stock"},
			"order-away":      {Status: payment.Refunding, Captured: money.Zero("USD"), Refunded: money.Zero("USD"), Reason: "out of stock"},
		} {
			requirePayment(t, p, orderID, want)
		}
		for _, orderID := range []string{"order-void", "order-tombstone"} {
			_, err := p.Payment(t.Context(), orderID)
			requireCode(t, problem.NotFound, err)
		}
		settled, err := p.Refunds(t.Context(), "order-refunded")
		require.NoError(t, err)
		require.Len(t, settled.Items, 1)
		require.Equal(t, payment.Refund{
			RefundID: "order-refunded/ChargePayment/1/refund", OrderID: "order-refunded", Key: key("order-refunded", 1),
			Kind: payment.Compensation, State: payment.RefundSettled, Amount: total, Reason: "out of stock",
			RequestedAt: settled.Items[0].RequestedAt, SettledAt: settled.Items[0].SettledAt,
		}, settled.Items[0])
		s.requireMoney(t, "order-refunded", 9999, 9999)
	})
}

// What the first version was about to give back goes back, once.
func TestRefundsOfTheFirstVersionAreFinished(t *testing.T) {
	eachMigrated(t, func(t *testing.T, s shop) {
		for orderID, moved := range map[string]int64{
			"order-captured": 9999, "order-refunded": 9999, "order-free": 0, "order-refunding": 9999, "order-lost": 9999,
			"order-declined": 0, "order-void": 0, "order-open": 0, "order-away": 9999, "order-tombstone": 0,
		} {
			p := s.start()
			for range 2 {
				require.NoError(t, p.Refund(t.Context(), refundOf(orderID, 1)), orderID)
			}
			s.requireMoney(t, orderID, moved, moved)
			if orderID == "order-lost" {
				require.NotContains(t, p.wire.Calls, beforeRefund, "what has happened is not sent again")
			}
			_, err := p.Charge(t.Context(), chargeOf(orderID, 1, simulator.MethodVisa))
			requireCode(t, problem.AlreadyCompensated, err)
			statement, err := s.bank.Statement(t.Context(), orderID)
			require.NoError(t, err)
			require.Zero(t, statement.Live, orderID)
		}
	})
}

func TestAChargeOfTheFirstVersionCanBeRefundedInParts(t *testing.T) {
	eachMigrated(t, func(t *testing.T, s shop) {
		p := s.start()
		_, err := p.RefundAgreed(t.Context(), agreedOf("order-captured", 1, 4000))
		require.NoError(t, err)
		s.requireMoney(t, "order-captured", 9999, 4000)
		_, err = p.RefundAgreed(t.Context(), agreedOf("order-refunding", 1, 1))
		requireCode(t, problem.AlreadyCompensated, err)
	})
}
