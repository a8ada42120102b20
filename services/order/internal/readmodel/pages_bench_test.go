package readmodel

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/order"
	"orderflow/services/order/internal/migrations"
)

// BenchmarkPage compares, in turn, pages 1 and 1,000 of a customer who has half
// of 1,000,000 orders with those of one who has all of 10,000. The ratio is that
// of the medians.
func BenchmarkPage(b *testing.B) {
	for name, dsn := range map[string]func(testing.TB) string{"sqlite": sqlstoretest.SQLite, "postgres": postgresForVolumes} {
		b.Run(name, func(b *testing.B) {
			few, many := views(b, dsn(b), 10_000, 10_000), views(b, dsn(b), 1_000_000, 500_000)
			for _, status := range []order.Status{"", order.Shipped} {
				for _, page := range []int{1, 1000} {
					query := order.ListQuery{CustomerID: bigCustomer, Status: status, Page: page, Limit: 10}
					if status != "" {
						query.Limit = 5 // so that 10,000 orders have 1,000 pages of this status
					}
					b.Run(fmt.Sprintf("status=%s/page=%d", status, page), func(b *testing.B) { comparePages(b, few, many, query) })
				}
			}
		})
	}
}

// postgresForVolumes lets the statement that writes a volume take its time.
func postgresForVolumes(t testing.TB) string {
	dsn, err := url.Parse(sqlstoretest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	settings := dsn.Query()
	settings.Set("statement_timeout", "0")
	dsn.RawQuery = settings.Encode()
	return dsn.String()
}

func views(b *testing.B, dsn string, orders, mine int) *Views {
	db := sqlstoretest.Open(b, dsn, migrations.Schemas()...)
	volume(b, db, orders, mine)
	analyze(b, db)
	return NewViews(db)
}

func comparePages(b *testing.B, few, many *Views, query order.ListQuery) {
	var ofFew, ofMany []time.Duration
	for b.Loop() {
		ofFew = append(ofFew, timePage(b, few, query))
		ofMany = append(ofMany, timePage(b, many, query))
	}
	b.ReportMetric(float64(median(ofMany))/float64(median(ofFew)), "ratio")
	b.ReportMetric(float64(median(ofFew).Microseconds()), "µs-10k")
	b.ReportMetric(float64(median(ofMany).Microseconds()), "µs-1M")
}

func timePage(b *testing.B, views *Views, query order.ListQuery) time.Duration {
	begun := time.Now()
	page, err := views.Page(b.Context(), query)
	took := time.Since(begun)
	if err != nil || len(page.Items) != query.Limit {
		b.Fatalf("%d items, %v", len(page.Items), err)
	}
	return took
}

func median(durations []time.Duration) time.Duration {
	slices.Sort(durations)
	return durations[len(durations)/2]
}

func analyze(t testing.TB, db *sqlstore.DB) {
	if err := db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `ANALYZE`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
