package internal

import (
	"context"
	"database/sql"
	"time"

	"orderflow/internal/conditional"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/internal/validate"
	"orderflow/services/catalog"
)

// Service holds the rules of the catalogue.
type Service struct {
	db  *sqlstore.DB
	now func() time.Time
}

// NewService returns a service over a database that was opened with Schemas.
// The clock gives UTC in microseconds.
func NewService(db *sqlstore.DB, now func() time.Time) *Service {
	return &Service{db: db, now: now}
}

// Product returns one product, or problem.NotFound.
func (s *Service) Product(ctx context.Context, productID string) (catalog.Product, error) {
	return findProduct(ctx, s.db.Reader(), productID)
}

// Lookup returns those of the products that exist, in one query.
func (s *Service) Lookup(ctx context.Context, productIDs []string) ([]catalog.Product, error) {
	return findProducts(ctx, s.db.Reader(), productIDs)
}

// List returns one page of all products.
func (s *Service) List(ctx context.Context, paging validate.Paging) (catalog.Page, error) {
	items, total, err := listProducts(ctx, s.db.Reader(), s.db.Dialect(), paging)
	if err != nil {
		return catalog.Page{}, err
	}
	return catalog.Page{Items: items, Page: paging.Page, Limit: paging.Limit, Total: total}, nil
}

// Put creates or replaces a product, and tells which. Content that is stored
// already changes nothing, neither version nor time. Where the condition does
// not hold, problem.PreconditionFailed is returned and nothing is written.
func (s *Service) Put(ctx context.Context, record catalog.Record, condition conditional.Condition) (stored catalog.Product, created bool, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
		found, err := findProduct(ctx, tx, record.ProductID)
		created = problem.CodeOf(err) == problem.NotFound
		if err != nil && !created {
			return err
		}
		if err := condition.CheckWrite(found.Version); err != nil {
			return err
		}
		if !created && recordOf(found) == record {
			stored = found
			return nil
		}
		stored = changed(found, record, s.now())
		return saveProduct(ctx, tx, stored)
	})
	return stored, created, err
}

// changed is the product's next version.
func changed(product catalog.Product, record catalog.Record, now time.Time) catalog.Product {
	return catalog.Product{
		ProductID:    record.ProductID,
		Name:         record.Name,
		Description:  record.Description,
		UnitPrice:    record.UnitPrice,
		Discontinued: record.Discontinued,
		Version:      product.Version + 1,
		UpdatedAt:    now,
	}
}

func recordOf(product catalog.Product) catalog.Record {
	return catalog.Record{
		ProductID:    product.ProductID,
		Name:         product.Name,
		Description:  product.Description,
		UnitPrice:    product.UnitPrice,
		Discontinued: product.Discontinued,
	}
}
