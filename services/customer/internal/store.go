package internal

import (
	"context"
	"database/sql"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/services/customer"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schemas returns the tables of this service, for sqlstore.Open.
func Schemas() []sqlstore.Schema {
	return []sqlstore.Schema{sqlstore.EmbeddedSchema("customer", migrations)}
}

var errNoCustomer = problem.New(problem.NotFound, "no such customer")

// findCustomer returns the customer, or problem.NotFound.
func findCustomer(ctx context.Context, q sqlstore.Queryer, customerID string) (customer.Customer, error) {
	found := customer.Customer{CustomerID: customerID}
	var address string
	var updatedAt int64
	err := q.QueryRowContext(ctx, `
		SELECT name, contact, phone, address, version, updated_at
		FROM customer WHERE customer_id = $1`, customerID).
		Scan(&found.Name, &found.Contact, &found.Phone, &address, &found.Version, &updatedAt)
	if errors.Is(err, sql.ErrNoRows) {
		return customer.Customer{}, errNoCustomer
	}
	if err != nil {
		return customer.Customer{}, fmt.Errorf("reading a customer: %w", err)
	}
	if address != "" {
		found.Address = new(customer.Address)
		if err := json.Unmarshal([]byte(address), found.Address); err != nil {
			return customer.Customer{}, fmt.Errorf("reading a customer's address: %w", err)
		}
	}
	found.UpdatedAt = time.UnixMicro(updatedAt).UTC()
	return found, nil
}

func saveCustomer(ctx context.Context, tx *sql.Tx, saved customer.Customer) error {
	var address []byte
	if saved.Address != nil {
		var err error
		if address, err = json.Marshal(saved.Address); err != nil {
			return fmt.Errorf("writing a customer's address: %w", err)
		}
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO customer (customer_id, name, contact, phone, address, version, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (customer_id) DO UPDATE SET
			name = excluded.name, contact = excluded.contact, phone = excluded.phone,
			address = excluded.address, version = excluded.version, updated_at = excluded.updated_at`,
		saved.CustomerID, saved.Name, saved.Contact, saved.Phone, string(address), saved.Version, saved.UpdatedAt.UnixMicro())
	if err != nil {
		return fmt.Errorf("saving a customer: %w", err)
	}
	return nil
}
