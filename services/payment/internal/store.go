package internal

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"orderflow/internal/fence"
	"orderflow/internal/sqlstore"
	"orderflow/services/money"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schemas returns the tables of this service, for sqlstore.Open. Those of the
// provider are not among them.
func Schemas() []sqlstore.Schema {
	root, err := fs.Sub(migrations, "migrations")
	if err != nil {
		// The folder is compiled in; its absence is a defect of the build.
		panic(err)
	}
	return []sqlstore.Schema{fence.Schema(), {Name: "payment", Migrations: root}}
}

// chargeState is where a charge stands as far as this service knows.
type chargeState string

const (
	pending  chargeState = "pending"
	captured chargeState = "captured"
	declined chargeState = "declined"
	refunded chargeState = "refunded"
	void     chargeState = "void"
)

// refundState is where the refund of a charge stands.
type refundState string

const (
	notRequested refundState = ""
	requested    refundState = "requested"
	settled      refundState = "settled"
)

// charge is one charge with its refund, if there is one.
type charge struct {
	key        fence.Key
	customerID string
	amount     money.Money
	method     string
	state      chargeState
	reference  string
	reason     string
	updatedAt  time.Time

	refund       refundState
	refundReason string
}

const selectCharge = `
	SELECT c.order_id, c.step, c.revision, c.customer_id, c.amount, c.currency, c.method,
		c.state, c.reference, c.reason, c.updated_at, COALESCE(r.state, ''), COALESCE(r.reason, '')
	FROM charge c
	LEFT JOIN refund r ON r.order_id = c.order_id AND r.step = c.step AND r.revision = c.revision `

// scan reads one row of selectCharge.
func (c *charge) scan(scan func(columns ...any) error) error {
	var updatedAt int64
	err := scan(&c.key.OrderID, &c.key.Step, &c.key.Revision, &c.customerID, &c.amount.Amount, &c.amount.Currency, &c.method,
		&c.state, &c.reference, &c.reason, &updatedAt, &c.refund, &c.refundReason)
	c.updatedAt = time.UnixMicro(updatedAt).UTC()
	return err
}

// errNoCharge reports a key under which nothing was charged.
var errNoCharge = errors.New("no charge has this key")

func findCharge(ctx context.Context, q sqlstore.Queryer, key fence.Key) (charge, error) {
	var found charge
	err := found.scan(q.QueryRowContext(ctx, selectCharge+`
		WHERE c.order_id = $1 AND c.step = $2 AND c.revision = $3`,
		key.OrderID, key.Step, key.Revision).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return charge{}, fmt.Errorf("reading the charge of %s: %w", key, errNoCharge)
	}
	if err != nil {
		return charge{}, fmt.Errorf("reading the charge of %s: %w", key, err)
	}
	return found, nil
}

// chargesOf returns an order's charges, the latest revision last.
func chargesOf(ctx context.Context, q sqlstore.Queryer, orderID string) (charges []charge, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("reading the charges of %s: %w", orderID, err)
		}
	}()
	rows, err := q.QueryContext(ctx, selectCharge+`
		WHERE c.order_id = $1 ORDER BY c.step, c.revision`, orderID)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var found charge
		if err := found.scan(rows.Scan); err != nil {
			return nil, err
		}
		charges = append(charges, found)
	}
	return charges, rows.Err()
}

func insertCharge(ctx context.Context, tx *sql.Tx, c charge) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO charge (order_id, step, revision, customer_id, amount, currency, method, state, reference, reason, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		c.key.OrderID, c.key.Step, c.key.Revision, c.customerID, c.amount.Amount, c.amount.Currency, c.method,
		string(c.state), c.reference, c.reason, c.updatedAt.UnixMicro())
	if err != nil {
		return fmt.Errorf("recording the charge of %s: %w", c.key, err)
	}
	return nil
}

// updateCharge stores what the provider has said: state, reference, reason.
func updateCharge(ctx context.Context, tx *sql.Tx, c charge) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE charge SET state = $4, reference = $5, reason = $6, updated_at = $7
		WHERE order_id = $1 AND step = $2 AND revision = $3`,
		c.key.OrderID, c.key.Step, c.key.Revision, string(c.state), c.reference, c.reason, c.updatedAt.UnixMicro())
	if err != nil {
		return fmt.Errorf("recording the answer to %s: %w", c.key, err)
	}
	return nil
}

func insertRefund(ctx context.Context, tx *sql.Tx, key fence.Key, reason string, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO refund (order_id, step, revision, state, amount, reason, requested_at, settled_at)
		VALUES ($1, $2, $3, $4, 0, $5, $6, 0)`,
		key.OrderID, key.Step, key.Revision, string(requested), reason, now.UnixMicro())
	if err != nil {
		return fmt.Errorf("recording the refund of %s: %w", key, err)
	}
	return nil
}

func settleRefund(ctx context.Context, tx *sql.Tx, key fence.Key, amount int64, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE refund SET state = $4, amount = $5, settled_at = $6
		WHERE order_id = $1 AND step = $2 AND revision = $3`,
		key.OrderID, key.Step, key.Revision, string(settled), amount, now.UnixMicro())
	if err != nil {
		return fmt.Errorf("settling the refund of %s: %w", key, err)
	}
	return nil
}
