package simulator

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"orderflow/internal/sqlstore"
	"orderflow/services/shipping/internal/carrier"
)

// row is one key as it is stored.
type row struct {
	key, orderID     string
	address, parcels string // JSON
	state            carrier.State
	trackingNumber   string
	reason           string
}

func newRow(request carrier.Request) (row, error) {
	address, err := json.Marshal(request.Address)
	if err != nil {
		return row{}, fmt.Errorf("simulator: writing the address: %w", err)
	}
	parcels, err := json.Marshal(request.Parcels)
	if err != nil {
		return row{}, fmt.Errorf("simulator: writing the parcels: %w", err)
	}
	return row{key: request.Key, orderID: request.OrderID, address: string(address), parcels: string(parcels)}, nil
}

func (r row) consignment() carrier.Consignment {
	consignment := carrier.Consignment{Key: r.key, State: r.state, TrackingNumber: r.trackingNumber, Reason: r.reason}
	if r.trackingNumber != "" {
		consignment.Carrier = Name
	}
	return consignment
}

// refuseOther compares a repeated request with the first one. A void has none.
func (r row) refuseOther(asked row) error {
	if r.state == carrier.Voided || r.orderID == asked.orderID && r.address == asked.address && r.parcels == asked.parcels {
		return nil
	}
	return fmt.Errorf("simulator: shipping %s: %w", r.key, carrier.ErrKeyReused)
}

func find(ctx context.Context, q sqlstore.Queryer, key string) (row, error) {
	found := row{key: key}
	err := q.QueryRowContext(ctx, `
		SELECT order_id, address, parcels, state, tracking_number, reason
		FROM carrier_simulator_consignment WHERE idempotency_key = $1`, key).
		Scan(&found.orderID, &found.address, &found.parcels, &found.state, &found.trackingNumber, &found.reason)
	if errors.Is(err, sql.ErrNoRows) {
		return row{}, fmt.Errorf("simulator: finding %s: %w", key, carrier.ErrUnknownKey)
	}
	if err != nil {
		return row{}, fmt.Errorf("simulator: finding %s: %w", key, err)
	}
	return found, nil
}

func insert(ctx context.Context, tx *sql.Tx, r row, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO carrier_simulator_consignment
			(idempotency_key, order_id, address, parcels, state, tracking_number, reason, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)`,
		r.key, r.orderID, r.address, r.parcels, string(r.state), r.trackingNumber, r.reason, now.UnixMicro())
	if err != nil {
		return fmt.Errorf("simulator: recording %s: %w", r.key, err)
	}
	return nil
}

func updateState(ctx context.Context, tx *sql.Tx, r row, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE carrier_simulator_consignment SET state = $2, updated_at = $3 WHERE idempotency_key = $1`,
		r.key, string(r.state), now.UnixMicro())
	if err != nil {
		return fmt.Errorf("simulator: cancelling %s: %w", r.key, err)
	}
	return nil
}

func countAccepted(ctx context.Context, q sqlstore.Queryer, orderID string) (int, error) {
	var count int
	err := q.QueryRowContext(ctx, `
		SELECT COUNT(*) FROM carrier_simulator_consignment WHERE order_id = $1 AND state = $2`,
		orderID, string(carrier.Accepted)).Scan(&count)
	if err != nil {
		return 0, fmt.Errorf("simulator: counting the consignments of %s: %w", orderID, err)
	}
	return count, nil
}
