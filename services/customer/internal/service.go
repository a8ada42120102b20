package internal

import (
	"context"
	"database/sql"
	"time"

	"orderflow/internal/conditional"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/services/customer"
)

// Service holds the rules of customers.
type Service struct {
	db  *sqlstore.DB
	now func() time.Time
}

// NewService returns a service over a database that was opened with Schemas.
// The clock gives UTC in microseconds.
func NewService(db *sqlstore.DB, now func() time.Time) *Service {
	return &Service{db: db, now: now}
}

// Customer returns one customer, or problem.NotFound.
func (s *Service) Customer(ctx context.Context, customerID string) (customer.Customer, error) {
	return findCustomer(ctx, s.db.Reader(), customerID)
}

// Put creates or replaces a customer, and tells which. Content that is stored
// already changes nothing, neither version nor time. Where the condition does
// not hold, problem.PreconditionFailed is returned and nothing is written.
func (s *Service) Put(ctx context.Context, record customer.Record, condition conditional.Condition) (stored customer.Customer, created bool, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		found, err := findCustomer(ctx, tx, record.CustomerID)
		created = problem.CodeOf(err) == problem.NotFound
		if err != nil && !created {
			return err
		}
		if err := condition.CheckWrite(found.Version); err != nil {
			return err
		}
		if !created && holds(found, record) {
			stored = found
			return nil
		}
		stored = changed(found, record, s.now())
		return saveCustomer(ctx, tx, stored)
	})
	return stored, created, err
}

// changed is the customer's next version.
func changed(from customer.Customer, record customer.Record, now time.Time) customer.Customer {
	return customer.Customer{
		CustomerID: record.CustomerID,
		Name:       record.Name,
		Contact:    record.Contact,
		Phone:      record.Phone,
		Address:    record.Address,
		Version:    from.Version + 1,
		UpdatedAt:  now,
	}
}

// holds reports whether the customer has the record's content already.
func holds(stored customer.Customer, record customer.Record) bool {
	sameAddress := stored.Address == record.Address ||
		stored.Address != nil && record.Address != nil && *stored.Address == *record.Address
	return sameAddress && stored.Name == record.Name && stored.Contact == record.Contact && stored.Phone == record.Phone
}
