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

// Refund gives the amount back, unless it refuses: more than what is left of
// the charge, or what the payment method or the switch makes it refuse. The
// same request again gets the first answer. provider.ErrUnknownKey when it
// knows no such charge, provider.ErrKeyReused when the key came before with
// another request.
func (s *Simulator) Refund(ctx context.Context, request provider.RefundRequest) (provider.Refund, error) {
	var decided provider.Refund
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		known, chargeKey, err := findRefund(ctx, tx, request.Key)
		if err == nil {
			decided = known
			if chargeKey != request.ChargeKey || known.Amount != request.Amount {
				return fmt.Errorf("simulator: refunding %s: %w", request.Key, provider.ErrKeyReused)
			}
			return nil
		}
		if !errors.Is(err, provider.ErrUnknownKey) {
			return err
		}
		charged, err := find(ctx, tx, request.ChargeKey)
		if err != nil {
			return err
		}
		decided, err = s.decideRefund(ctx, tx, charged, request)
		return err
	})
	return decided, err
}

// decideRefund answers a refund that is asked for the first time.
func (s *Simulator) decideRefund(ctx context.Context, tx *sql.Tx, charged row, request provider.RefundRequest) (provider.Refund, error) {
	decided := provider.Refund{Key: request.Key, State: provider.RefundRefused, Amount: request.Amount}
	left, err := leftOf(ctx, tx, charged)
	if err != nil {
		return decided, err
	}
	refuses, err := refusesRefunds(ctx, tx, charged)
	if err != nil {
		return decided, err
	}
	switch {
	case charged.state != provider.Captured:
		decided.Reason = "nothing of the charge is left"
	case request.Amount.Currency != left.Currency:
		decided.Reason = "the charge is in another currency"
	case request.Amount.Amount > left.Amount:
		decided.Reason = "less than that is left of the charge"
	case request.Amount.IsZero() && !left.IsZero():
		decided.Reason = "the amount is nothing"
	case refuses:
		decided.Reason = "the customer's bank does not take refunds"
	default:
		decided.State, decided.Reference = provider.RefundSettled, reference("re_", request.Key)
	}
	if err := s.insertRefund(ctx, tx, charged, decided); err != nil || decided.State != provider.RefundSettled {
		return decided, err
	}
	err = s.move(ctx, tx, movement{
		key: request.Key, kind: refund, chargeKey: request.ChargeKey, orderID: charged.request.OrderID, amount: request.Amount,
	})
	if err != nil || request.Amount != left {
		return decided, err
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE payment_simulator_charge SET state = $2 WHERE idempotency_key = $1`,
		request.ChargeKey, string(provider.Refunded))
	if err != nil {
		err = fmt.Errorf("simulator: refunding %s: %w", request.ChargeKey, err)
	}
	return decided, err
}

// LookupRefund returns the refund of the key, or provider.ErrUnknownKey.
func (s *Simulator) LookupRefund(ctx context.Context, key string) (provider.Refund, error) {
	found, _, err := findRefund(ctx, s.db.Reader(), key)
	return found, err
}

// SetRefunds decides about every refund of the order that is not decided yet,
// whatever the payment method says.
func (s *Simulator) SetRefunds(ctx context.Context, orderID string, accept bool) error {
	err := s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO payment_simulator_refund_switch (order_id, refunds, set_at) VALUES ($1, $2, $3)
			ON CONFLICT (order_id) DO UPDATE SET refunds = excluded.refunds, set_at = excluded.set_at`,
			orderID, switchPosition(accept), s.now().UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("simulator: switching the refunds of %s: %w", orderID, err)
	}
	return nil
}

func switchPosition(accept bool) string {
	if accept {
		return "accept"
	}
	return "refuse"
}

func refusesRefunds(ctx context.Context, tx *sql.Tx, charged row) (bool, error) {
	var position string
	err := tx.QueryRowContext(ctx, `
		SELECT refunds FROM payment_simulator_refund_switch WHERE order_id = $1`, charged.request.OrderID).Scan(&position)
	if errors.Is(err, sql.ErrNoRows) {
		return charged.request.Method == MethodRefundFail, nil
	}
	if err != nil {
		return false, fmt.Errorf("simulator: reading the switch of %s: %w", charged.request.OrderID, err)
	}
	return position == switchPosition(false), nil
}

// leftOf is what was captured and is not back.
func leftOf(ctx context.Context, tx *sql.Tx, charged row) (money.Money, error) {
	var refunded int64
	err := tx.QueryRowContext(ctx, `
		SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM payment_simulator_refund
		WHERE charge_key = $1 AND state = 'settled'`, charged.request.Key).Scan(&refunded)
	if err != nil {
		return money.Money{}, fmt.Errorf("simulator: adding up the refunds of %s: %w", charged.request.Key, err)
	}
	captured := charged.charge().Amount
	return money.New(captured.Amount-refunded, captured.Currency), nil
}

func findRefund(ctx context.Context, q sqlstore.Queryer, key string) (found provider.Refund, chargeKey string, err error) {
	found.Key = key
	err = q.QueryRowContext(ctx, `
		SELECT charge_key, amount, currency, state, reference, reason
		FROM payment_simulator_refund WHERE idempotency_key = $1`, key).
		Scan(&chargeKey, &found.Amount.Amount, &found.Amount.Currency, &found.State, &found.Reference, &found.Reason)
	if errors.Is(err, sql.ErrNoRows) {
		err = provider.ErrUnknownKey
	}
	if err != nil {
		return provider.Refund{}, "", fmt.Errorf("simulator: finding the refund %s: %w", key, err)
	}
	return found, chargeKey, nil
}

func (s *Simulator) insertRefund(ctx context.Context, tx *sql.Tx, charged row, decided provider.Refund) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO payment_simulator_refund
			(idempotency_key, charge_key, order_id, amount, currency, state, reference, reason, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		decided.Key, charged.request.Key, charged.request.OrderID, decided.Amount.Amount, decided.Amount.Currency,
		string(decided.State), decided.Reference, decided.Reason, s.now().UnixMicro())
	if err != nil {
		return fmt.Errorf("simulator: recording the refund %s: %w", decided.Key, err)
	}
	return nil
}
