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
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schemas returns the tables of this service, for sqlstore.Open. Those of the
// carrier are not among them.
func Schemas() []sqlstore.Schema {
	return []sqlstore.Schema{fence.Schema(), sqlstore.EmbeddedSchema("shipping", migrations)}
}

// shipmentState is where a shipment stands as far as this service knows.
type shipmentState string

const (
	pending   shipmentState = "pending"
	accepted  shipmentState = "accepted"
	refused   shipmentState = "refused"
	cancelled shipmentState = "cancelled"
	void      shipmentState = "void"
)

// cancellationState is where the cancellation of a shipment stands.
type cancellationState string

const (
	notRequested cancellationState = "none"
	requested    cancellationState = "requested"
	settled      cancellationState = "settled"
)

// shipment is one row. reason is why it was refused or cancelled.
type shipment struct {
	key            fence.Key
	state          shipmentState
	cancellation   cancellationState
	trackingNumber string
	carrier        string
	reason         string
	updatedAt      time.Time
}

const selectShipment = `
	SELECT order_id, step, revision, state, cancellation, tracking_number, carrier, reason, updated_at
	FROM shipment `

// scan reads one row of selectShipment.
func (s *shipment) scan(scan func(columns ...any) error) error {
	var updatedAt int64
	err := scan(&s.key.OrderID, &s.key.Step, &s.key.Revision, &s.state, &s.cancellation,
		&s.trackingNumber, &s.carrier, &s.reason, &updatedAt)
	s.updatedAt = time.UnixMicro(updatedAt).UTC()
	return err
}

// errNoShipment reports a key under which nothing was shipped.
var errNoShipment = errors.New("no shipment has this key")

func findShipment(ctx context.Context, q sqlstore.Queryer, key fence.Key) (shipment, error) {
	var found shipment
	err := found.scan(q.QueryRowContext(ctx, selectShipment+`
		WHERE order_id = $1 AND step = $2 AND revision = $3`,
		key.OrderID, key.Step, key.Revision).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return shipment{}, fmt.Errorf("reading the shipment of %s: %w", key, errNoShipment)
	}
	if err != nil {
		return shipment{}, fmt.Errorf("reading the shipment of %s: %w", key, err)
	}
	return found, nil
}

// shipmentsOf returns an order's shipments, the latest revision last.
func shipmentsOf(ctx context.Context, q sqlstore.Queryer, orderID string) (shipments []shipment, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("reading the shipments of %s: %w", orderID, err)
		}
	}()
	rows, err := q.QueryContext(ctx, selectShipment+`WHERE order_id = $1 ORDER BY step, revision`, orderID)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var found shipment
		if err := found.scan(rows.Scan); err != nil {
			return nil, err
		}
		shipments = append(shipments, found)
	}
	return shipments, rows.Err()
}

func insertShipment(ctx context.Context, tx *sql.Tx, s shipment) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO shipment (order_id, step, revision, state, cancellation, tracking_number, carrier, reason, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		s.key.OrderID, s.key.Step, s.key.Revision, string(s.state), string(s.cancellation),
		s.trackingNumber, s.carrier, s.reason, s.updatedAt.UnixMicro())
	if err != nil {
		return fmt.Errorf("recording the shipment of %s: %w", s.key, err)
	}
	return nil
}

func updateShipment(ctx context.Context, tx *sql.Tx, s shipment) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE shipment
		SET state = $4, cancellation = $5, tracking_number = $6, carrier = $7, reason = $8, updated_at = $9
		WHERE order_id = $1 AND step = $2 AND revision = $3`,
		s.key.OrderID, s.key.Step, s.key.Revision, string(s.state), string(s.cancellation),
		s.trackingNumber, s.carrier, s.reason, s.updatedAt.UnixMicro())
	if err != nil {
		return fmt.Errorf("updating the shipment of %s: %w", s.key, err)
	}
	return nil
}
