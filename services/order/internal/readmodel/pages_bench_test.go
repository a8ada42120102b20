package readmodel

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/order"
	"orderflow/services/order/internal/migrations"
)

// BenchmarkPage measures pages 1 and 1,000 of a customer who has all of 10,000
// orders, and half of 1,000,000.
func BenchmarkPage(b *testing.B) {
	for name, dsn := range map[string]func(testing.TB) string{"sqlite": sqlstoretest.SQLite, "postgres": sqlstoretest.Postgres} {
		for orders, mine := range map[int]int{10_000: 10_000, 1_000_000: 500_000} {
			b.Run(fmt.Sprintf("%s/orders=%d", name, orders), func(b *testing.B) {
				db := sqlstoretest.Open(b, dsn(b), migrations.Schemas()...)
				volume(b, db, orders, mine)
				analyze(b, db)
				for _, status := range []order.Status{"", order.Shipped} {
					for _, page := range []int{1, 1000} {
						limit := 10
						if status != "" {
							limit = 5 // so that 10,000 orders have 1,000 pages of this status
						}
						b.Run(fmt.Sprintf("status=%s/page=%d", status, page), func(b *testing.B) {
							benchmarkPage(b, db, order.ListQuery{CustomerID: bigCustomer, Status: status, Page: page, Limit: limit})
						})
					}
				}
			})
		}
	}
}

func benchmarkPage(b *testing.B, db *sqlstore.DB, query order.ListQuery) {
	views := NewViews(db)
	for b.Loop() {
		page, err := views.Page(b.Context(), query)
		if err != nil || len(page.Items) != query.Limit {
			b.Fatalf("%d items, %v", len(page.Items), err)
		}
	}
}

func analyze(t testing.TB, db *sqlstore.DB) {
	if err := db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `ANALYZE`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
