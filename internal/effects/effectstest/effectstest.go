// Package effectstest is for the tests of services that list effects. Nothing
// of the product imports it.
package effectstest

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"orderflow/internal/effects"
	"orderflow/internal/effects/effectroutes"
	"orderflow/internal/sqlstore"
)

// Walk returns all effects of a list that have stood since a time in [since,
// before), by pages of two.
func Walk(t testing.TB, list func(context.Context, effects.Query) (effects.Page, error), since, before time.Time) []effects.Effect {
	t.Helper()
	var all []effects.Effect
	for query := (effects.Query{Since: since, Before: before, Limit: 2}); ; {
		page, err := list(t.Context(), query)
		require.NoError(t, err)
		all = append(all, page.Items...)
		if page.Next == "" {
			return all
		}
		require.Len(t, page.Items, 2, "only the last page is shorter")
		query.After = page.Next
	}
}

// RequireIndex checks that the first page of a kind, and any other, is read
// along an index and sorts nothing. The tables must be filled before: a small
// one is read as a whole, and rightly so.
func RequireIndex(t testing.TB, db *sqlstore.DB, kind effectroutes.Kind, index string) {
	t.Helper()
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "ANALYZE "+kind.From)
		return err
	}))
	first := effects.Query{Since: time.UnixMicro(1), Before: time.Now(), Limit: 10}
	cursor, err := effectroutes.Cursor(effects.Effect{Since: first.Since})
	require.NoError(t, err)
	other := first
	other.After = cursor
	for _, query := range []effects.Query{first, other} {
		text, args, err := kind.Statement(query)
		require.NoError(t, err)
		plan := explain(t, db, text, args)
		t.Logf("%s:\n%s", text, plan)
		require.Contains(t, plan, index)
		for _, slow := range []string{"Seq Scan on " + kind.From, "SCAN " + kind.From, "TEMP B-TREE", "Sort"} {
			require.NotContains(t, plan, slow)
		}
	}
}

func explain(t testing.TB, db *sqlstore.DB, text string, args []any) string {
	if db.Dialect() == sqlstore.SQLite {
		text = "EXPLAIN QUERY PLAN " + text
	} else {
		text = "EXPLAIN " + text
	}
	rows, err := db.Reader().QueryContext(t.Context(), text, args...)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var plan strings.Builder
	for rows.Next() {
		var line string // the last column of both databases
		into := make([]any, len(columns))
		for i := range into {
			into[i] = new(any)
		}
		into[len(into)-1] = &line
		require.NoError(t, rows.Scan(into...))
		plan.WriteString(line + "\n")
	}
	require.NoError(t, rows.Err())
	return plan.String()
}
