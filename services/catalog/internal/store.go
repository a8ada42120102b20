package internal

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/internal/validate"
	"orderflow/services/catalog"
	"orderflow/services/money"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schemas returns the tables of this service, for sqlstore.Open.
func Schemas() []sqlstore.Schema {
	return []sqlstore.Schema{sqlstore.EmbeddedSchema("catalog", migrations)}
}

const selectProduct = `
	SELECT product_id, name, description, amount, currency, discontinued, version, updated_at
	FROM product`

// findProduct returns the product, or problem.NotFound.
func findProduct(ctx context.Context, q sqlstore.Queryer, productID string) (catalog.Product, error) {
	found, err := scanProduct(q.QueryRowContext(ctx, selectProduct+` WHERE product_id = $1`, productID))
	if errors.Is(err, sql.ErrNoRows) {
		return catalog.Product{}, errNoProduct
	}
	if err != nil {
		return catalog.Product{}, fmt.Errorf("reading a product: %w", err)
	}
	return found, nil
}

var errNoProduct = problem.New(problem.NotFound, "no such product")

// findProducts returns those of the products that exist.
func findProducts(ctx context.Context, q sqlstore.Queryer, productIDs []string) ([]catalog.Product, error) {
	placeholders, args := make([]string, len(productIDs)), make([]any, len(productIDs))
	for i, productID := range productIDs {
		placeholders[i], args[i] = "$"+strconv.Itoa(i+1), productID
	}
	return queryProducts(ctx, q, ` WHERE product_id IN (`+strings.Join(placeholders, ", ")+`)`, args...)
}

// listProducts returns one page in the order of the IDs' bytes, and how many
// products there are.
func listProducts(ctx context.Context, q sqlstore.Queryer, dialect sqlstore.Dialect, paging validate.Paging) ([]catalog.Product, int64, error) {
	order := ` ORDER BY product_id`
	if dialect == sqlstore.Postgres {
		// Unlike SQLite, it would sort by the rules of its locale's language.
		order += ` COLLATE "C"`
	}
	page, err := queryProducts(ctx, q, order+` LIMIT $1 OFFSET $2`, paging.Limit, paging.Offset())
	if err != nil {
		return nil, 0, err
	}
	var total int64
	if err := q.QueryRowContext(ctx, `SELECT COUNT(*) FROM product`).Scan(&total); err != nil {
		return nil, 0, fmt.Errorf("counting products: %w", err)
	}
	return page, total, nil
}

// queryProducts never returns nil without an error.
func queryProducts(ctx context.Context, q sqlstore.Queryer, clause string, args ...any) ([]catalog.Product, error) {
	rows, err := q.QueryContext(ctx, selectProduct+clause, args...)
	if err != nil {
		return nil, fmt.Errorf("reading products: %w", err)
	}
	defer func() { _ = rows.Close() }()
	products := []catalog.Product{}
	for rows.Next() {
		product, err := scanProduct(rows)
		if err != nil {
			return nil, fmt.Errorf("reading products: %w", err)
		}
		products = append(products, product)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("reading products: %w", err)
	}
	return products, nil
}

func scanProduct(row interface{ Scan(columns ...any) error }) (catalog.Product, error) {
	var found catalog.Product
	var amount, updatedAt int64
	var currency string
	err := row.Scan(&found.ProductID, &found.Name, &found.Description, &amount, &currency,
		&found.Discontinued, &found.Version, &updatedAt)
	found.UnitPrice = money.New(amount, currency)
	found.UpdatedAt = time.UnixMicro(updatedAt).UTC()
	return found, err
}

func saveProduct(ctx context.Context, tx *sql.Tx, product catalog.Product) error {
	discontinued := 0
	if product.Discontinued {
		discontinued = 1
	}
	_, err := tx.ExecContext(ctx, `
		INSERT INTO product (product_id, name, description, amount, currency, discontinued, version, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (product_id) DO UPDATE SET
			name = excluded.name, description = excluded.description, amount = excluded.amount,
			currency = excluded.currency, discontinued = excluded.discontinued,
			version = excluded.version, updated_at = excluded.updated_at`,
		product.ProductID, product.Name, product.Description, product.UnitPrice.Amount, product.UnitPrice.Currency,
		discontinued, product.Version, product.UpdatedAt.UnixMicro())
	if err != nil {
		return fmt.Errorf("saving a product: %w", err)
	}
	return nil
}
