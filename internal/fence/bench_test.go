package fence_test

import (
	"context"
	"database/sql"
	"fmt"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"orderflow/internal/fence"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
)

// BenchmarkFencedWrite is what a typical step costs its service below HTTP:
// the fence and two statements of its own, committed to the disk. CPU is the
// whole process's, so it holds what other goroutines do for the write.
func BenchmarkFencedWrite(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmarkFencedWrite(b, sqlstoretest.SQLite(b)) })
	b.Run("postgres", func(b *testing.B) { benchmarkFencedWrite(b, sqlstoretest.Postgres(b)) })
}

func benchmarkFencedWrite(b *testing.B, dsn string) {
	// A request's context can end, which drivers watch at a cost.
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	db := sqlstoretest.Open(b, dsn, fence.Schema(), effects(), stock())
	b.ReportAllocs()
	before := processorTime(b)
	calls := 0
	for b.Loop() {
		calls++
		key := keyOf(fmt.Sprintf("order-%d", calls))
		require.NoError(b, db.InTx(ctx, func(ctx context.Context, tx *sql.Tx) error {
			_, err := fence.Act(ctx, tx, key, body{2}, now, func() (answer, error) {
				if err := insertEffect(ctx, tx, key, "first"); err != nil {
					return answer{}, err
				}
				_, err := tx.ExecContext(ctx, `UPDATE stock SET reserved = reserved + $2 WHERE product_id = $1`, "product-1", 2)
				return answer{"second"}, err
			})
			return err
		}))
	}
	b.ReportMetric(float64(processorTime(b)-before)/float64(calls)/1000, "cpu-µs/op")
}

// stock is a table of one product.
func stock() sqlstore.Schema {
	return sqlstore.Schema{Name: "stock", Migrations: fstest.MapFS{
		"001_stock.sql": {Data: []byte(`-- +goose Up
CREATE TABLE stock (product_id TEXT PRIMARY KEY, reserved BIGINT NOT NULL);
INSERT INTO stock (product_id, reserved) VALUES ('product-1', 0);
`)},
	}}
}

// processorTime is what this process has used so far, in nanoseconds.
func processorTime(b *testing.B) int64 {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return usage.Utime.Nano() + usage.Stime.Nano()
}
