package internal

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"time"

	"orderflow/internal/fence"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/services/inventory"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schemas returns the tables of this service, for sqlstore.Open.
func Schemas() []sqlstore.Schema {
	return []sqlstore.Schema{fence.Schema(), sqlstore.EmbeddedSchema("inventory", migrations)}
}

// changeKind says why a product's figures changed.
type changeKind string

const (
	initialCount changeKind = "initial"
	adjustment   changeKind = "adjustment"
	reserved     changeKind = "reserve"
	released     changeKind = "release"
	committed    changeKind = "commit"
	// returned is committed stock that is back on the shelf.
	returned changeKind = "return"
)

// change moves the three figures of one product by these amounts.
type change struct {
	productID                 string
	kind                      changeKind
	quantity                  int64
	onHand, reserved, shipped int64
	orderID                   string
	at                        time.Time
}

// apply changes one product's figures and records the change. It returns
// errShort, and changes nothing, when the figures do not allow it or the
// product has none.
func apply(ctx context.Context, tx *sql.Tx, c change) error {
	var version int64
	err := tx.QueryRowContext(ctx, `
		UPDATE stock
		SET on_hand = on_hand + $2, reserved = reserved + $3, shipped = shipped + $4, version = version + 1
		WHERE product_id = $1 AND reserved + $3 >= 0 AND on_hand + $2 >= reserved + $3
		RETURNING version`,
		c.productID, c.onHand, c.reserved, c.shipped).Scan(&version)
	if errors.Is(err, sql.ErrNoRows) {
		return errShort
	}
	if err != nil {
		return fmt.Errorf("changing stock of %s: %w", c.productID, err)
	}
	return record(ctx, tx, c, version)
}

// errShort reports that a product's figures do not allow a change.
var errShort = errors.New("not enough stock")

func record(ctx context.Context, tx *sql.Tx, c change, version int64) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO stock_change (product_id, version, kind, quantity, order_id, changed_at)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		c.productID, version, string(c.kind), c.quantity, c.orderID, c.at.UnixMicro())
	if err != nil {
		return fmt.Errorf("recording a change of %s: %w", c.productID, err)
	}
	return nil
}

func insertStock(ctx context.Context, tx *sql.Tx, count inventory.StockCount, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO stock (product_id, on_hand, reserved, shipped, version) VALUES ($1, $2, 0, 0, 1)`,
		count.ProductID, count.OnHand)
	if err != nil {
		return fmt.Errorf("creating stock of %s: %w", count.ProductID, err)
	}
	return record(ctx, tx, change{productID: count.ProductID, kind: initialCount, quantity: count.OnHand, at: now}, 1)
}

func findStock(ctx context.Context, q sqlstore.Queryer, productID string) (inventory.Stock, error) {
	stock := inventory.Stock{ProductID: productID}
	err := q.QueryRowContext(ctx, `
		SELECT on_hand, reserved, shipped FROM stock WHERE product_id = $1`,
		productID).Scan(&stock.OnHand, &stock.Reserved, &stock.Shipped)
	if errors.Is(err, sql.ErrNoRows) {
		return inventory.Stock{}, problem.Newf(problem.NotFound, "no stock is known of product %s", productID)
	}
	if err != nil {
		return inventory.Stock{}, fmt.Errorf("reading stock of %s: %w", productID, err)
	}
	return stock, nil
}

func insertReservation(ctx context.Context, tx *sql.Tx, key fence.Key, line inventory.Line, now time.Time) error {
	_, err := tx.ExecContext(ctx, `
		INSERT INTO reservation (order_id, step, revision, product_id, quantity, state, held_at)
		VALUES ($1, $2, $3, $4, $5, 'held', $6)`,
		key.OrderID, key.Step, key.Revision, line.ProductID, line.Quantity, now.UnixMicro())
	if err != nil {
		return fmt.Errorf("holding %s: %w", line.ProductID, err)
	}
	return nil
}

// takenLine is what an order has of one product, held or committed.
type takenLine struct {
	inventory.Line
	committed bool
}

// takenUnder returns what one step of an order holds, and what of it was
// committed, in the order of product IDs: every transaction takes row locks in
// this order, so none deadlock.
func takenUnder(ctx context.Context, tx *sql.Tx, key fence.Key) ([]takenLine, error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT product_id, quantity, state = 'committed' FROM reservation
		WHERE order_id = $1 AND step = $2 AND revision = $3 AND state IN ('held', 'committed')
		ORDER BY product_id`, key.OrderID, key.Step, key.Revision)
	return readAll(rows, err, func(line *takenLine) []any { return []any{&line.ProductID, &line.Quantity, &line.committed} })
}

// heldBy returns what an order holds, by whichever step.
func heldBy(ctx context.Context, tx *sql.Tx, orderID string) ([]inventory.Line, error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT product_id, quantity FROM reservation
		WHERE order_id = $1 AND state = 'held'
		ORDER BY product_id`, orderID)
	return readAll(rows, err, func(line *inventory.Line) []any { return []any{&line.ProductID, &line.Quantity} })
}

// commitsOf returns the keys under which an order's stock was committed: of what
// is confirmed, all that is no reservation.
func commitsOf(ctx context.Context, tx *sql.Tx, orderID string) ([]fence.Key, error) {
	rows, err := tx.QueryContext(ctx, `
		SELECT order_id, step, revision FROM fence
		WHERE order_id = $1 AND state = 'confirmed' AND NOT EXISTS (
			SELECT 1 FROM reservation
			WHERE reservation.order_id = fence.order_id AND reservation.step = fence.step AND reservation.revision = fence.revision)
		ORDER BY step, revision`, orderID)
	return readAll(rows, err, func(key *fence.Key) []any { return []any{&key.OrderID, &key.Step, &key.Revision} })
}

func readAll[Row any](rows *sql.Rows, err error, into func(*Row) []any) ([]Row, error) {
	if err != nil {
		return nil, fmt.Errorf("reading reservations: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Row
	for rows.Next() {
		var row Row
		if err := rows.Scan(into(&row)...); err != nil {
			return nil, fmt.Errorf("reading reservations: %w", err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading reservations: %w", err)
	}
	return all, nil
}

// settleUnder marks what one step of an order has taken as released.
func settleUnder(ctx context.Context, tx *sql.Tx, key fence.Key) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE reservation SET state = 'released'
		WHERE order_id = $1 AND step = $2 AND revision = $3 AND state IN ('held', 'committed')`,
		key.OrderID, key.Step, key.Revision)
	if err != nil {
		return fmt.Errorf("releasing reservations of %s: %w", key, err)
	}
	return nil
}

// settleBy marks everything that an order holds as committed.
func settleBy(ctx context.Context, tx *sql.Tx, orderID string) error {
	_, err := tx.ExecContext(ctx, `
		UPDATE reservation SET state = 'committed' WHERE order_id = $1 AND state = 'held'`, orderID)
	if err != nil {
		return fmt.Errorf("committing reservations of %s: %w", orderID, err)
	}
	return nil
}
