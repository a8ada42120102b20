package readmodel

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore"
)

// bigCustomer has many of the orders of a volume; the others have 50 each.
const bigCustomer = "cust-big"

// volume writes that many orders directly into the tables of the live
// generation: what the projector would have made of their events, without the
// hours. The first of them are bigCustomer's.
func volume(t testing.TB, db *sqlstore.DB, orders, big int) {
	t.Helper()
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
		for _, statement := range []string{
			`INSERT INTO order_summary (generation, order_id, customer_id, customer_name, status, item_count,
			                            total_amount, currency, created_at, ordinal, version)
			WITH RECURSIVE serial(n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM serial WHERE n < ` + number(orders) + `),
			owned AS (
				SELECT n, n <= ` + number(big) + ` AS big, (n - ` + number(big) + ` - 1) / 50 AS small FROM serial
			)
			SELECT 1, 'order-' || n,
			       CASE WHEN big THEN '` + bigCustomer + `' ELSE 'cust-' || small END, 'Name',
			       -- Statuses come in runs and at random, some of them rarely.
			       CASE WHEN n % 1000 < 3 THEN 'draft' WHEN (n * 7919) % 1009 < 90 THEN 'confirmed'
			            WHEN (n * 104729) % 5003 < 1500 THEN 'cancelled' ELSE 'shipped' END,
			       n % 7 + 1, n, 'USD', 1772366400000000 + n,
			       CASE WHEN big THEN n ELSE (n - ` + number(big) + ` - 1) % 50 + 1 END, 3
			FROM owned`,
			`INSERT INTO order_count_block (generation, customer_id, span, block, draft, confirmed, shipped, cancelled)
			SELECT generation, customer_id, span, ordinal / span, ` + countEach + `
			FROM order_summary, (SELECT 128 AS span UNION ALL SELECT 16384) AS spans
			GROUP BY generation, customer_id, span, ordinal / span`,
			`INSERT INTO order_count (generation, customer_id, draft, confirmed, shipped, cancelled)
			SELECT generation, customer_id, ` + countEach + ` FROM order_summary GROUP BY generation, customer_id`,
		} {
			if _, err := tx.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	}))
}

const countEach = `SUM(CASE WHEN status = 'draft' THEN 1 ELSE 0 END), SUM(CASE WHEN status = 'confirmed' THEN 1 ELSE 0 END),
	SUM(CASE WHEN status = 'shipped' THEN 1 ELSE 0 END), SUM(CASE WHEN status = 'cancelled' THEN 1 ELSE 0 END)`
