package readmodel

import (
	"fmt"
	"testing"

	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/order/internal/migrations"
)

// BenchmarkProjection is what one event costs the projector, in batches of one,
// as in a quiet moment, and of many, as under load.
func BenchmarkProjection(b *testing.B) {
	for name, dsn := range map[string]func(testing.TB) string{"sqlite": sqlstoretest.SQLite, "postgres": sqlstoretest.Postgres} {
		for _, size := range []int{1, 20, DefaultBatch} {
			b.Run(fmt.Sprintf("%s/batch=%d", name, size), func(b *testing.B) {
				h := newHistory(b, sqlstoretest.Open(b, dsn(b), migrations.Schemas()...))
				projector := h.projector()
				projector.batch = size
				for b.Loop() {
					b.StopTimer()
					h.happensTogether(size)
					b.StartTimer()
					if _, err := projector.RunOnce(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/event")
			})
		}
	}
}
