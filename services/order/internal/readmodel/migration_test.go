package readmodel

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/order/internal/migrations"
)

// until returns the schemas as they were when the named migration was the last
// one of the orders.
func until(t *testing.T, last string) []sqlstore.Schema {
	schemas := migrations.Schemas()
	orders := &schemas[len(schemas)-1]
	files, err := fs.Glob(orders.Migrations, "*.sql")
	require.NoError(t, err)
	kept := make(fstest.MapFS)
	for _, name := range files {
		text, err := fs.ReadFile(orders.Migrations, name)
		require.NoError(t, err)
		if name <= last {
			kept[name] = &fstest.MapFile{Data: text}
		}
	}
	orders.Migrations = kept
	return schemas
}

// The rows that the first version of the read model had become what a projector
// makes of the same events today.
func TestOrdinalsAndBlocksAreGivenToTheRowsThatThereAre(t *testing.T) {
	t.Parallel()
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		before, err := sqlstore.Open(t.Context(), dsn, until(t, "001_order.sql")...)
		require.NoError(t, err)
		old := newHistory(t, before)

		today := newHistory(t, sqlstoretest.Open(t, sqlstoretest.SQLite(t), migrations.Schemas()...))
		today.happens(150)
		today.catchUp(today.projector())
		for _, table := range []string{"event", "projection", "order_count"} {
			copyRows(t, today.db, old, table, "*")
		}
		const position = "(SELECT position FROM event WHERE aggregate_id = order_id AND event.version = 1)"
		copyRows(t, today.db, old, "order_view", "generation, order_id, version, "+position+", view")
		copyRows(t, today.db, old, "order_summary", `generation, order_id, customer_id, customer_name, status, item_count,
			total_amount, currency, created_at, `+position+`, version`)
		require.NoError(t, before.Close())

		now := newHistory(t, sqlstoretest.Open(t, dsn, migrations.Schemas()...))
		assert.Equal(t, today.rows(), now.rows())
	})
}

// copyRows replaces the rows of a table of the old database.
func copyRows(t *testing.T, from *sqlstore.DB, to *history, table, columns string) {
	t.Helper()
	to.edit(`DELETE FROM ` + table)
	rows, err := from.Reader().QueryContext(t.Context(), `SELECT `+columns+` FROM `+table)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	names, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		values, targets := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			targets[i] = &values[i]
		}
		require.NoError(t, rows.Scan(targets...))
		to.edit(`INSERT INTO `+table+` VALUES `+tuples(1, 1, len(names)), values...)
	}
	require.NoError(t, rows.Err())
}
