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

// bookCapture records that the provider has taken the charge's amount.
func bookCapture(ctx context.Context, tx *sql.Tx, c charge, now time.Time) error {
	return book(ctx, tx, c, captureTransaction, cashAtProvider, customerDeposits, now)
}

// bookRefund records that the provider has given it back.
func bookRefund(ctx context.Context, tx *sql.Tx, c charge, now time.Time) error {
	return book(ctx, tx, c, refundTransaction, customerDeposits, cashAtProvider, now)
}

// book adds one transaction over the charge's amount. Its ID is made of the
// charge's key and the kind, so that the database refuses to book it twice.
func book(ctx context.Context, tx *sql.Tx, c charge, kind transactionKind, debited, credited account, now time.Time) error {
	credit, err := c.amount.Negate()
	if err != nil {
		return fmt.Errorf("booking the %s of %s: %w", kind, c.key, err)
	}
	id := c.key.String() + "/" + string(kind)
	_, err = tx.ExecContext(ctx, `
		INSERT INTO ledger_transaction (transaction_id, kind, order_id, reference, booked_at)
		VALUES ($1, $2, $3, $4, $5)`,
		id, string(kind), c.key.OrderID, c.reference, now.UnixMicro())
	if err != nil {
		return fmt.Errorf("booking the %s of %s: %w", kind, c.key, err)
	}
	for _, line := range []entry{{debited, c.amount}, {credited, credit}} {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO ledger_entry (transaction_id, account, amount, currency)
			VALUES ($1, $2, $3, $4)`,
			id, string(line.account), line.amount.Amount, line.amount.Currency)
		if err != nil {
			return fmt.Errorf("booking the %s of %s: %w", kind, c.key, err)
		}
	}
	return nil
}
