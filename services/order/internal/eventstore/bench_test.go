package eventstore_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/order/internal/eventstore"
	"orderflow/services/order/internal/migrations"
)

// BenchmarkAppend is what one event costs, committed to the disk: the first of
// a stream, of the size of a small order, and one to a stream that has some.
func BenchmarkAppend(b *testing.B) {
	for name, dsn := range map[string]func(testing.TB) string{"sqlite": sqlstoretest.SQLite, "postgres": sqlstoretest.Postgres} {
		b.Run(name, func(b *testing.B) {
			store := eventstore.New(sqlstoretest.Open(b, dsn(b), migrations.Schemas()...))
			made := 0
			appendNext := func(b *testing.B, stream string, expected int64) {
				made++
				event := eventstore.Event{
					ID: fmt.Sprintf("event-%d", made),
					Data: eventstore.Data{
						Type: "OrderCreated", SchemaVersion: 1, Payload: json.RawMessage(`{"text":"` + strings.Repeat("x", 400) + `"}`),
					},
					Metadata: eventstore.Metadata{TraceID: "4bf92f3577b34da6a3ce929d0e0e4736", Causation: "CreateOrder/1"},
				}
				if err := appendTo(b.Context(), store, eventstore.Stream{Type: "Order", ID: stream}, expected, noon, event); err != nil {
					b.Fatal(err)
				}
			}
			b.Run("first", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					appendNext(b, fmt.Sprintf("first-%d", made), 0)
				}
			})
			b.Run("next", func(b *testing.B) {
				stream, version := fmt.Sprintf("next-%d", made), int64(0)
				b.ReportAllocs()
				for b.Loop() {
					appendNext(b, stream, version)
					version++
				}
			})
		})
	}
}
