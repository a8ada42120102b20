package internal_test

import (
	"context"
	"testing"

	"orderflow/internal/conditional"
	"orderflow/internal/conditional/conditionaltest"
	"orderflow/services/catalog"
	"orderflow/services/catalog/internal"
)

var unconditionally conditional.Condition

// The content of a row is the price.
func TestPutsObeyConditions(t *testing.T) {
	each(t, func(t *testing.T, s *internal.Service) {
		conditionaltest.Writes(t, func(id string) conditionaltest.Row[catalog.Product] {
			return conditionaltest.Row[catalog.Product]{
				Put: func(ctx context.Context, price int, condition conditional.Condition) (catalog.Product, bool, error) {
					record := kettle()
					record.ProductID, record.UnitPrice.Amount = id, int64(price)
					return s.Put(ctx, record, condition)
				},
				Get:     func(ctx context.Context) (catalog.Product, error) { return s.Product(ctx, id) },
				Content: func(p catalog.Product) int { return int(p.UnitPrice.Amount) },
				Version: func(p catalog.Product) int64 { return p.Version },
			}
		})
	})
}
