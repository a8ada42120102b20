package internal_test

import (
	"context"
	"strings"
	"testing"

	"orderflow/internal/conditional"
	"orderflow/internal/conditional/conditionaltest"
	"orderflow/services/customer"
	"orderflow/services/customer/internal"
)

var unconditionally conditional.Condition

// The content of a row is the length of the phone number.
func TestPutsObeyConditions(t *testing.T) {
	each(t, func(t *testing.T, s *internal.Service) {
		conditionaltest.Writes(t, func(id string) conditionaltest.Row[customer.Customer] {
			return conditionaltest.Row[customer.Customer]{
				Put: func(ctx context.Context, digits int, condition conditional.Condition) (customer.Customer, bool, error) {
					record := ada()
					record.CustomerID, record.Phone = id, strings.Repeat("0", digits)
					return s.Put(ctx, record, condition)
				},
				Get:     func(ctx context.Context) (customer.Customer, error) { return s.Customer(ctx, id) },
				Content: func(c customer.Customer) int { return len(c.Phone) },
				Version: func(c customer.Customer) int64 { return c.Version },
			}
		})
	})
}
