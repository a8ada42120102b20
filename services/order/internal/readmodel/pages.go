package readmodel

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"orderflow/internal/problem"
	"orderflow/services/order"
)

// Page returns a page of a customer's orders, newest first. It costs the same
// for every page and for any number of orders: it goes to the page by the
// orders' ordinals, or by the counters of blocks where a status is asked for,
// and walks over no more than one block.
//
// A status that no order can have is problem.Malformed.
func (v *Views) Page(ctx context.Context, query order.ListQuery) (order.Page, error) {
	text, err := pageText(query.Status)
	if err != nil {
		return order.Page{}, err
	}
	page := order.Page{Items: []order.Summary{}, Page: query.Page, Limit: query.Limit}
	rows, err := v.db.Reader().QueryContext(ctx, text, pageArguments(query)...)
	if err != nil {
		return order.Page{}, fmt.Errorf("listing orders: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		summary, err := scanSummary(rows, &page)
		if err != nil {
			return order.Page{}, fmt.Errorf("listing orders: %w", err)
		}
		if summary.OrderID != "" {
			page.Items = append(page.Items, summary)
		}
	}
	if err := rows.Err(); err != nil {
		return order.Page{}, fmt.Errorf("listing orders: %w", err)
	}
	return page, nil
}

// pageArguments are the customer, the ordinal of the newest order to list, how
// many orders come before the page, and how many are on it.
func pageArguments(query order.ListQuery) []any {
	upTo := query.UpTo
	if upTo == 0 {
		upTo = math.MaxInt64
	}
	// Half of the range is more than there are orders, and can still be added to.
	before := min(int64(query.Page-1)*int64(query.Limit), math.MaxInt64/2)
	return []any{query.CustomerID, upTo, before, query.Limit}
}

func scanSummary(rows *sql.Rows, page *order.Page) (order.Summary, error) {
	var summary order.Summary
	var status string
	var createdAt int64
	err := rows.Scan(&page.UpTo, &page.Total,
		&summary.OrderID, &summary.CustomerID, &summary.CustomerName, &summary.ItemCount,
		&summary.TotalAmount.Amount, &summary.TotalAmount.Currency, &status, &createdAt, &summary.Version)
	summary.Status = order.Status(status)
	summary.CreatedAt = time.UnixMicro(createdAt).UTC()
	return summary, err
}

// pageText returns the statement for a page. It is one statement, so that the
// counters and the rows are those of one moment.
func pageText(status order.Status) (string, error) {
	if status == "" {
		return pageOfAll, nil
	}
	if !slices.Contains(statuses[:], status) {
		return "", problem.Newf(problem.Malformed, "%q is no status of an order", status)
	}
	return ofStatus(pageOfStatus, status), nil
}

// ofStatus puts a status into a statement. It must be one of statuses: it is
// the name of a column too.
func ofStatus(text string, status order.Status) string {
	return strings.NewReplacer("{status}", string(status),
		"{fine}", fmt.Sprint(fineSpan), "{coarse}", fmt.Sprint(coarseSpan), "{fan}", fmt.Sprint(coarseSpan/fineSpan)).Replace(text)
}

// answerOf is the form of the answer: the totals in every row, with the page's
// orders, or alone with an empty order ID where the page is behind the last one.
const answerOf = `
	SELECT listed.up_to, listed.total, COALESCE(page.order_id, ''), COALESCE(customer_id, ''), COALESCE(customer_name, ''),
	       COALESCE(item_count, 0), COALESCE(total_amount, 0), COALESCE(currency, ''), COALESCE(status, ''),
	       COALESCE(created_at, 0), COALESCE(version, 0)
	FROM listed LEFT JOIN page ON 1 = 1
	ORDER BY page.ordinal DESC`

// customerNow is the customer's row of counters in the live generation, with
// the ordinal of the newest order to list.
const customerNow = `
	customer AS MATERIALIZED (
		SELECT order_count.*, CASE
			WHEN $2 < draft + confirmed + shipped + cancelled THEN CAST($2 AS BIGINT)
			ELSE draft + confirmed + shipped + cancelled END AS up_to
		FROM order_count WHERE generation = ` + liveGeneration + ` AND customer_id = $1
	)`

const pageOfAll = `WITH ` + customerNow + `,
	listed AS MATERIALIZED (SELECT generation, up_to, up_to AS total FROM customer),
	page AS (
		SELECT * FROM order_summary
		WHERE generation = (SELECT generation FROM listed) AND customer_id = $1
		  AND ordinal <= (SELECT up_to FROM listed) - $3 AND ordinal > (SELECT up_to FROM listed) - $3 - $4
		ORDER BY ordinal DESC LIMIT $4
	)` + answerOf

// listedOfStatus adds up the orders of a status among the first up_to: coarse
// blocks that are wholly among them, fine blocks after these, and rows after
// these. Newer are those of the status that come after them.
const listedOfStatus = `,
	counted AS MATERIALIZED (
		SELECT generation, up_to, {status} AS everywhere,
			(SELECT CAST(COALESCE(SUM({status}), 0) AS BIGINT) FROM order_count_block b
			 WHERE b.generation = c.generation AND b.customer_id = $1 AND b.span = {coarse}
			   AND b.block < (up_to + 1) / {coarse})
			+
			(SELECT CAST(COALESCE(SUM({status}), 0) AS BIGINT) FROM order_count_block b
			 WHERE b.generation = c.generation AND b.customer_id = $1 AND b.span = {fine}
			   AND b.block >= (up_to + 1) / {coarse} * {fan} AND b.block < (up_to + 1) / {fine})
			+
			(SELECT COUNT(*) FROM order_summary s
			 WHERE s.generation = c.generation AND s.customer_id = $1 AND s.status = '{status}'
			   AND s.ordinal >= (up_to + 1) / {fine} * {fine} AND s.ordinal <= up_to)
			AS total
		FROM customer c
	),
	listed AS MATERIALIZED (SELECT generation, up_to, total, everywhere - total AS newer FROM counted)`

// pageOfStatus goes down the counters to the fine block in which the page
// begins, newest first, and from there along the index.
const pageOfStatus = `WITH ` + customerNow + listedOfStatus + `,
	coarse AS (
		SELECT block, {status} AS orders, CAST(SUM({status}) OVER (ORDER BY block DESC) AS BIGINT) AS through
		FROM order_count_block
		WHERE generation = (SELECT generation FROM listed) AND customer_id = $1 AND span = {coarse}
	),
	in_coarse AS (
		SELECT block, through - orders AS before FROM coarse
		WHERE through > (SELECT newer FROM listed) + $3 ORDER BY block DESC LIMIT 1
	),
	fine AS (
		SELECT block, {status} AS orders,
		       (SELECT before FROM in_coarse) + CAST(SUM({status}) OVER (ORDER BY block DESC) AS BIGINT) AS through
		FROM order_count_block
		WHERE generation = (SELECT generation FROM listed) AND customer_id = $1 AND span = {fine}
		  AND block >= (SELECT block FROM in_coarse) * {fan} AND block < ((SELECT block FROM in_coarse) + 1) * {fan}
	),
	in_fine AS (
		SELECT block, through - orders AS before FROM fine
		WHERE through > (SELECT newer FROM listed) + $3 ORDER BY block DESC LIMIT 1
	),
	page AS (
		SELECT * FROM order_summary
		WHERE generation = (SELECT generation FROM listed) AND customer_id = $1 AND status = '{status}'
		  AND ordinal < ((SELECT block FROM in_fine) + 1) * {fine}
		ORDER BY ordinal DESC
		LIMIT $4 OFFSET COALESCE((SELECT newer FROM listed) + $3 - (SELECT before FROM in_fine), 0)
	)` + answerOf
