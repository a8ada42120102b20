package internal

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"orderflow/services/money"
)

// account names one account of the ledger.
type account string

const (
	// cashAtProvider is what the provider holds for the shop: an asset.
	cashAtProvider account = "cash-at-provider"
	// customerDeposits is what the shop owes its customers, goods or money: a
	// liability.
	customerDeposits account = "customer-deposits"
)

// transactionKind says what a ledger transaction is about.
type transactionKind string

const (
	captureTransaction transactionKind = "capture"
	refundTransaction  transactionKind = "refund"
)

// entry is one line of a ledger transaction. A debit is positive, a credit
// negative.
type entry struct {
	account account
	amount  money.Money
}

// booking is what one ledger transaction is about. The ID belongs to one event
// alone, so that the database refuses to book it twice.
type booking struct {
	id        string
	kind      transactionKind
	orderID   string
	reference string
	amount    money.Money
}

// bookCapture records that the provider has taken the charge's amount.
func bookCapture(ctx context.Context, tx *sql.Tx, c charge, now time.Time) error {
	return book(ctx, tx, booking{
		id: c.key.String() + "/" + string(captureTransaction), kind: captureTransaction,
		orderID: c.key.OrderID, reference: c.reference, amount: c.amount,
	}, cashAtProvider, customerDeposits, now)
}

// bookRefund records that the provider has given the refund's amount back.
func bookRefund(ctx context.Context, tx *sql.Tx, r refund, now time.Time) error {
	return book(ctx, tx, booking{
		id: r.id, kind: refundTransaction,
		orderID: r.key.OrderID, reference: r.reference, amount: r.amount,
	}, customerDeposits, cashAtProvider, now)
}

// book adds one transaction.
func book(ctx context.Context, tx *sql.Tx, b booking, debited, credited account, now time.Time) error {
	credit, err := b.amount.Negate()
	if err != nil {
		return fmt.Errorf("booking %s: %w", b.id, err)
	}
	_, err = tx.ExecContext(ctx, `
		INSERT INTO ledger_transaction (transaction_id, kind, order_id, reference, booked_at)
		VALUES ($1, $2, $3, $4, $5)`,
		b.id, string(b.kind), b.orderID, b.reference, now.UnixMicro())
	if err != nil {
		return fmt.Errorf("booking %s: %w", b.id, err)
	}
	for _, line := range []entry{{debited, b.amount}, {credited, credit}} {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO ledger_entry (transaction_id, account, amount, currency)
			VALUES ($1, $2, $3, $4)`,
			b.id, string(line.account), line.amount.Amount, line.amount.Currency)
		if err != nil {
			return fmt.Errorf("booking %s: %w", b.id, err)
		}
	}
	return nil
}
