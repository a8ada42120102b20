package internal

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
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
	return []sqlstore.Schema{fence.Schema(), sqlstore.EmbeddedSchema("payment", migrations)}
}

// chargeState is where a charge stands as far as this service knows.
type chargeState string

const (
	pending  chargeState = "pending"
	captured chargeState = "captured"
	declined chargeState = "declined"
	// refunded money is back, all of it.
	refunded chargeState = "refunded"
	void     chargeState = "void"
)

// charge is one charge with its refunds, the oldest first.
type charge struct {
	key        fence.Key
	customerID string
	amount     money.Money
	method     string
	state      chargeState
	reference  string
	reason     string
	updatedAt  time.Time
	// closedAt is when the saga's compensation came, the zero time until then.
	closedAt      time.Time
	closingReason string

	refunds []refund
}

// A charge without refunds is one row of it, without values of a refund.
const selectCharges = `
	SELECT c.order_id, c.step, c.revision, c.customer_id, c.amount, c.currency, c.method,
		c.state, c.reference, c.reason, c.updated_at, c.closed_at, c.closing_reason,
		COALESCE(r.refund_id, ''), COALESCE(r.step, ''), COALESCE(r.revision, 0), COALESCE(r.kind, ''), COALESCE(r.state, ''),
		COALESCE(r.amount, 0), COALESCE(r.reason, ''), COALESCE(r.reference, ''), COALESCE(r.failure, ''),
		COALESCE(r.requested_at, 0), COALESCE(r.settled_at, 0), COALESCE(r.failed_at, 0)
	FROM charge c
	LEFT JOIN refund r ON r.order_id = c.order_id AND r.charge_step = c.step AND r.charge_revision = c.revision
	WHERE c.order_id = $1 ORDER BY c.step, c.revision, r.requested_at, r.refund_id`

// scan reads one row of selectCharges.
func (c *charge) scan(rows *sql.Rows) error {
	var r refund
	var updatedAt, closedAt, requestedAt, settledAt, failedAt int64
	err := rows.Scan(&c.key.OrderID, &c.key.Step, &c.key.Revision, &c.customerID, &c.amount.Amount, &c.amount.Currency, &c.method,
		&c.state, &c.reference, &c.reason, &updatedAt, &closedAt, &c.closingReason,
		&r.id, &r.key.Step, &r.key.Revision, &r.kind, &r.state,
		&r.amount.Amount, &r.reason, &r.reference, &r.failure,
		&requestedAt, &settledAt, &failedAt)
	c.updatedAt, c.closedAt = timeOf(updatedAt), timeOf(closedAt)
	if r.id != "" {
		r.key.OrderID, r.charge, r.amount.Currency = c.key.OrderID, c.key, c.amount.Currency
		r.requestedAt, r.settledAt, r.failedAt = timeOf(requestedAt), timeOf(settledAt), timeOf(failedAt)
		c.refunds = []refund{r}
	}
	return err
}

// timeOf is a stored time, of which 0 is the zero time.
func timeOf(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// microsOf is how a time is stored.
func microsOf(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMicro()
}

// errNoCharge reports a key under which nothing was charged.
var errNoCharge = errors.New("no charge has this key")

func findCharge(ctx context.Context, q sqlstore.Queryer, key fence.Key) (charge, error) {
	charges, err := chargesOf(ctx, q, key.OrderID)
	if err != nil {
		return charge{}, err
	}
	for _, c := range charges {
		if c.key == key {
			return c, nil
		}
	}
	return charge{}, fmt.Errorf("reading the charge of %s: %w", key, errNoCharge)
}

// chargesOf returns an order's charges, the latest revision last.
func chargesOf(ctx context.Context, q sqlstore.Queryer, orderID string) (charges []charge, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("reading the charges of %s: %w", orderID, err)
		}
	}()
	rows, err := q.QueryContext(ctx, selectCharges, orderID)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var found charge
		if err := found.scan(rows); err != nil {
			return nil, err
		}
		if last := len(charges) - 1; last >= 0 && charges[last].key == found.key {
			charges[last].refunds = append(charges[last].refunds, found.refunds...)
			continue
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

// updateCharge stores what has become of a charge.
func updateCharge(ctx context.Context, tx *sql.Tx, c charge) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE charge SET state = $4, reference = $5, reason = $6, closed_at = $7, closing_reason = $8, updated_at = $9
		WHERE order_id = $1 AND step = $2 AND revision = $3`,
		c.key.OrderID, c.key.Step, c.key.Revision, string(c.state), c.reference, c.reason,
		microsOf(c.closedAt), c.closingReason, microsOf(c.updatedAt))
	if err != nil {
		return fmt.Errorf("recording what has become of %s: %w", c.key, err)
	}
	return nil
}

func insertRefund(ctx context.Context, tx *sql.Tx, r refund) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO refund (refund_id, order_id, step, revision, charge_step, charge_revision, kind, state, amount, currency,
			reason, reference, failure, requested_at, settled_at, failed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		r.id, r.key.OrderID, r.key.Step, r.key.Revision, r.charge.Step, r.charge.Revision,
		string(r.kind), string(r.state), r.amount.Amount, r.amount.Currency,
		r.reason, r.reference, r.failure, microsOf(r.requestedAt), microsOf(r.settledAt), microsOf(r.failedAt))
	if err != nil {
		return fmt.Errorf("recording the refund %s: %w", r.id, err)
	}
	return nil
}

// updateRefund stores what has become of a refund.
func updateRefund(ctx context.Context, tx *sql.Tx, r refund) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE refund SET state = $2, reference = $3, failure = $4, settled_at = $5, failed_at = $6
		WHERE refund_id = $1`,
		r.id, string(r.state), r.reference, r.failure, microsOf(r.settledAt), microsOf(r.failedAt))
	if err != nil {
		return fmt.Errorf("recording what has become of the refund %s: %w", r.id, err)
	}
	return nil
}
