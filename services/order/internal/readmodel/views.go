package readmodel

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"orderflow/internal/sqlstore"
	"orderflow/services/order"
)

// Views answers queries from the live generation. It is safe for concurrent
// use.
type Views struct {
	db *sqlstore.DB
}

// NewViews returns the views in an opened database.
func NewViews(db *sqlstore.DB) *Views { return &Views{db: db} }

const liveGeneration = `(SELECT generation FROM projection WHERE live = 1)`

// Find returns the order's view as far as it is projected; found is false when
// nothing of the order is.
func (v *Views) Find(ctx context.Context, orderID string) (view order.View, found bool, err error) {
	var text string
	err = v.db.Reader().QueryRowContext(ctx,
		`SELECT view FROM order_view WHERE generation = `+liveGeneration+` AND order_id = $1`, orderID).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return order.View{}, false, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &view)
	}
	if err != nil {
		return order.View{}, false, fmt.Errorf("reading the view of order %s: %w", orderID, err)
	}
	return view, true, nil
}
