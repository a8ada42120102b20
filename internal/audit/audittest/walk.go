// Package audittest walks through audited tables in tests of services. Nothing
// of the product imports it.
package audittest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/internal/audit"
)

// Walk returns all rows of a table, and requires that pages of one row make
// the same table as pages of many.
func Walk[Row any](t testing.TB, read func(context.Context, audit.Query) (audit.Page[Row], error), orderID string) []Row {
	t.Helper()
	rows := walk(t, read, audit.Query{Limit: audit.MaxLimit, OrderID: orderID})
	require.Equal(t, rows, walk(t, read, audit.Query{Limit: 1, OrderID: orderID}))
	return rows
}

func walk[Row any](t testing.TB, read func(context.Context, audit.Query) (audit.Page[Row], error), query audit.Query) []Row {
	t.Helper()
	rows := []Row{}
	for {
		page, err := read(t.Context(), query)
		require.NoError(t, err)
		require.LessOrEqual(t, len(page.Items), query.Limit)
		rows = append(rows, page.Items...)
		if page.Next == "" {
			return rows
		}
		query.After = page.Next
	}
}
