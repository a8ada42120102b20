package simulator

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"orderflow/internal/sqlstore"
	"orderflow/services/money"
	"orderflow/services/payment/internal/provider"
)

// movementKind says which way money went.
type movementKind string

const (
	capture movementKind = "capture"
	refund  movementKind = "refund"
)

// row is one key as it is stored.
type row struct {
	request           provider.Request
	state             provider.State
	reference, reason string
}

func (r row) charge() provider.Charge {
	charge := provider.Charge{Key: r.request.Key, State: r.state, Reference: r.reference, Reason: r.reason}
	if r.state == provider.Captured || r.state == provider.Refunded {
		charge.Amount = r.request.Amount
	}
	return charge
}

// refuseOther compares a repeated request with the first one. A void has none.
func (r row) refuseOther(request provider.Request) error {
	if r.state != provider.Voided && r.request != request {
		return fmt.Errorf("simulator: capturing %s: %w", request.Key, provider.ErrKeyReused)
	}
	return nil
}

func find(ctx context.Context, q sqlstore.Queryer, key string) (row, error) {
	found := row{request: provider.Request{Key: key}}
	err := q.QueryRowContext(ctx, `
		SELECT order_id, customer_id, amount, currency, method, state, reference, reason
		FROM payment_simulator_charge WHERE idempotency_key = $1`, key).
		Scan(&found.request.OrderID, &found.request.CustomerID, &found.request.Amount.Amount,
			&found.request.Amount.Currency, &found.request.Method, &found.state, &found.reference, &found.reason)
	if errors.Is(err, sql.ErrNoRows) {
		return row{}, fmt.Errorf("simulator: finding %s: %w", key, provider.ErrUnknownKey)
	}
	if err != nil {
		return row{}, fmt.Errorf("simulator: finding %s: %w", key, err)
	}
	return found, nil
}

func (s *Simulator) insert(ctx context.Context, tx *sql.Tx, r row) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO payment_simulator_charge
			(idempotency_key, order_id, customer_id, amount, currency, method, state, reference, reason, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		r.request.Key, r.request.OrderID, r.request.CustomerID, r.request.Amount.Amount, r.request.Amount.Currency,
		r.request.Method, string(r.state), r.reference, r.reason, s.now().UnixMicro())
	if err != nil {
		return fmt.Errorf("simulator: recording %s: %w", r.request.Key, err)
	}
	return nil
}

// movement is one row of the ledger.
type movement struct {
	key       string
	kind      movementKind
	chargeKey string
	orderID   string
	amount    money.Money
}

func (s *Simulator) move(ctx context.Context, tx *sql.Tx, m movement) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO payment_simulator_movement (idempotency_key, kind, charge_key, order_id, amount, currency, moved_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		m.key, string(m.kind), m.chargeKey, m.orderID, m.amount.Amount, m.amount.Currency, s.now().UnixMicro())
	if err != nil {
		return fmt.Errorf("simulator: moving the money of %s: %w", m.key, err)
	}
	return nil
}

// Statement is what the simulator's ledger says of one order.
type Statement struct {
	// Captured and Refunded are totals over the order's keys; the zero value
	// when there was none.
	Captured, Refunded money.Money
	// Live counts the charges that are captured and of which something is left.
	// A charge of nothing is live until its nothing is back.
	Live int
}

// Statement sums up the movements of an order, from the ledger alone.
func (s *Simulator) Statement(ctx context.Context, orderID string) (Statement, error) {
	statement, err := s.statement(ctx, orderID)
	if err != nil {
		return Statement{}, fmt.Errorf("simulator: summing up %s: %w", orderID, err)
	}
	return statement, nil
}

func (s *Simulator) statement(ctx context.Context, orderID string) (statement Statement, err error) {
	rows, err := s.db.Reader().QueryContext(ctx, `
		SELECT kind, charge_key, amount, currency FROM payment_simulator_movement WHERE order_id = $1`, orderID)
	if err != nil {
		return statement, err
	}
	defer func() { _ = rows.Close() }()
	byCharge := make(map[string]*balance)
	for rows.Next() {
		var m movement
		if err := rows.Scan(&m.kind, &m.chargeKey, &m.amount.Amount, &m.amount.Currency); err != nil {
			return statement, err
		}
		if byCharge[m.chargeKey] == nil {
			byCharge[m.chargeKey] = &balance{}
		}
		byCharge[m.chargeKey].add(m)
		switch m.kind {
		case capture:
			statement.Captured, err = statement.Captured.Add(m.amount)
		case refund:
			statement.Refunded, err = statement.Refunded.Add(m.amount)
		}
		if err != nil {
			return statement, err
		}
	}
	for _, charge := range byCharge {
		if charge.live() {
			statement.Live++
		}
	}
	return statement, rows.Err()
}

// balance is what the movements of one charge come to.
type balance struct {
	left    int64
	refunds int
}

func (b *balance) add(m movement) {
	if m.kind == refund {
		b.refunds++
		b.left -= m.amount.Amount
		return
	}
	b.left += m.amount.Amount
}

func (b *balance) live() bool { return b.left > 0 || b.refunds == 0 }
