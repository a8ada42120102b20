package readmodel

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
	"orderflow/services/order/internal/migrations"
)

func number(n int) string { return strconv.Itoa(n) }

// The counters lead to the same page as walking to it, whatever the status, the
// page and the end of the list: at each edge of a block, and at random.
func TestPagesAreThoseOfAWalkThroughTheWholeList(t *testing.T) {
	t.Parallel()
	const mine = coarseSpan + 3_000
	sqlstoretest.Each(t, migrations.Schemas(), func(t *testing.T, db *sqlstore.DB) {
		volume(t, db, mine+5_000, mine)
		random := rand.New(rand.NewPCG(3, 4))
		upTo := []int64{0, 1, fineSpan - 1, fineSpan, fineSpan + 1, coarseSpan - 1, coarseSpan, coarseSpan + 1, mine - 1, mine, mine + 1, math.MaxInt64}
		for range 8 {
			upTo = append(upTo, 1+random.Int64N(mine))
		}
		for _, status := range append([]order.Status{""}, statuses[:]...) {
			ids := walk(t, db, status)
			for _, end := range upTo {
				listed := upToOrdinal(ids, end)
				limit := 1 + random.IntN(100)
				last := len(listed)/limit + 1
				for _, page := range []int{1, 2, last, last + 1, 1 + random.IntN(last), 1 << 50} {
					query := order.ListQuery{CustomerID: bigCustomer, Status: status, Page: page, Limit: limit, UpTo: end}
					got, err := NewViews(db).Page(t.Context(), query)
					require.NoError(t, err)
					require.Equal(t, onPage(listed, page, limit), idsOf(got), "%+v", query)
					require.EqualValues(t, len(listed), got.Total, "%+v", query)
					want := int64(mine)
					if end > 0 {
						want = min(end, mine)
					}
					require.Equal(t, want, got.UpTo, "%+v", query)
				}
			}
		}
	})
}

// walk returns the IDs of bigCustomer's orders of a status, newest first. The
// ID of an order ends with its ordinal.
func walk(t *testing.T, db *sqlstore.DB, status order.Status) (ids []string) {
	rows, err := db.Reader().QueryContext(t.Context(), `
		SELECT order_id FROM order_summary WHERE customer_id = $1 AND (status = $2 OR $2 = '') ORDER BY ordinal DESC`,
		bigCustomer, string(status))
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	for rows.Next() {
		var id string
		require.NoError(t, rows.Scan(&id))
		ids = append(ids, id)
	}
	require.NoError(t, rows.Err())
	return ids
}

func upToOrdinal(ids []string, upTo int64) []string {
	for i, id := range ids {
		ordinal, _ := strconv.ParseInt(strings.TrimPrefix(id, "order-"), 10, 64)
		if upTo == 0 || ordinal <= upTo {
			return ids[i:]
		}
	}
	return nil
}

func onPage(ids []string, page, limit int) []string {
	if page > len(ids)/limit+1 {
		return nil
	}
	first := min((page-1)*limit, len(ids))
	if first == len(ids) {
		return nil
	}
	return ids[first:min(first+limit, len(ids))]
}

func idsOf(page order.Page) (ids []string) {
	for _, item := range page.Items {
		ids = append(ids, item.OrderID)
	}
	return ids
}

// Orders come in between any two pages, and change their status.
func TestLaterPagesDoNotShiftWhenOrdersAreAdded(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		projector, views := h.projector(), NewViews(h.db)
		add := func(n int) {
			for range n {
				h.append(h.creates("cust-ada"))
			}
			h.catchUp(projector)
		}
		add(25)
		var expected, walked []string
		for n := 25; n >= 1; n-- {
			expected = append(expected, fmt.Sprintf("order-%04d", n))
		}
		upTo := int64(0)
		for page := 1; page <= 4; page++ {
			got, err := views.Page(t.Context(), order.ListQuery{CustomerID: "cust-ada", Page: page, Limit: 7, UpTo: upTo})
			require.NoError(t, err)
			walked = append(walked, idsOf(got)...)
			assert.EqualValues(t, 25, got.Total)
			assert.EqualValues(t, 25, got.UpTo)
			upTo = got.UpTo
			add(page)
			h.append(fmt.Sprintf("order-%04d", page), domain.OrderConfirmed{ConfirmedAt: noon})
		}
		assert.Equal(t, expected, walked)

		got, err := views.Page(t.Context(), order.ListQuery{CustomerID: "cust-ada", Page: 1, Limit: 7})
		require.NoError(t, err)
		assert.EqualValues(t, 35, got.Total, "a list without an end has them all")
		got, err = views.Page(t.Context(), order.ListQuery{CustomerID: "cust-ada", Status: order.Draft, Page: 1, Limit: 100, UpTo: upTo})
		require.NoError(t, err)
		assert.EqualValues(t, 22, got.Total, "a status is the present one")
		assert.Equal(t, expected[:22], idsOf(got))
	})
}

func TestAStatusThatNoOrderCanHaveIsRefused(t *testing.T) {
	views := NewViews(sqlstoretest.Open(t, sqlstoretest.SQLite(t), migrations.Schemas()...))
	_, err := views.Page(t.Context(), order.ListQuery{CustomerID: "cust-ada", Status: "draft; DROP", Page: 1, Limit: 7})
	assert.Equal(t, problem.Malformed, problem.CodeOf(err))
}

// A page must not get slower with the orders of others, nor with those of the
// customer: every table is entered by an index, and none is sorted.
func TestPagesAreReadFromTheirIndexes(t *testing.T) {
	t.Parallel()
	sqlstoretest.Each(t, migrations.Schemas(), func(t *testing.T, db *sqlstore.DB) {
		const orders = 20_000
		volume(t, db, 2*orders, orders)
		analyze(t, db)
		for status, want := range map[order.Status]map[sqlstore.Dialect]string{
			"": {
				sqlstore.SQLite:   "order_summary_by_customer (generation=? AND customer_id=? AND ordinal>? AND ordinal<?)",
				sqlstore.Postgres: "order_summary_by_customer",
			},
			order.Shipped: {
				sqlstore.SQLite:   "order_summary_by_status (generation=? AND customer_id=? AND status=? AND ordinal<?)",
				sqlstore.Postgres: "order_summary_by_status",
			},
		} {
			for _, page := range []int{1, 1000} {
				query := order.ListQuery{CustomerID: bigCustomer, Status: status, Page: page, Limit: 10, UpTo: orders - 5}
				plan := explain(t, db, query)
				t.Logf("page %d of status %q:\n%s", page, status, plan)
				assert.Contains(t, plan, want[db.Dialect()])
				for _, slow := range []string{"Seq Scan on order_", "SCAN order_", "SCAN s\n", "SCAN b\n"} {
					assert.NotContains(t, plan, slow)
				}
			}
		}
	})
}

// explain returns the plan of the statement that Page runs.
func explain(t *testing.T, db *sqlstore.DB, query order.ListQuery) string {
	text, err := pageText(query.Status)
	require.NoError(t, err)
	if db.Dialect() == sqlstore.Postgres {
		return postgresPlan(t, db, text, query)
	}
	rows, err := db.Reader().QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+text, pageArguments(query)...)
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		plan.WriteString(detail + "\n")
	}
	require.NoError(t, rows.Err())
	return plan.String()
}

// postgresPlan also runs the statement, and checks that it read no more rows
// than a page needs.
func postgresPlan(t *testing.T, db *sqlstore.DB, text string, query order.ListQuery) string {
	var document []byte
	require.NoError(t, db.Reader().QueryRowContext(t.Context(), `EXPLAIN (ANALYZE, FORMAT JSON) `+text, pageArguments(query)...).Scan(&document))
	var plans []struct{ Plan planNode }
	require.NoError(t, json.Unmarshal(document, &plans))
	var plan strings.Builder
	plans[0].Plan.describe(t, &plan)
	return plan.String()
}

type planNode struct {
	NodeType     string  `json:"Node Type"`
	RelationName string  `json:"Relation Name"`
	IndexName    string  `json:"Index Name"`
	ActualRows   float64 `json:"Actual Rows"`
	Filtered     float64 `json:"Rows Removed by Filter"`
	Plans        []planNode
}

func (n planNode) describe(t *testing.T, text *strings.Builder) {
	fmt.Fprintf(text, "%s on %s by %s: %.0f rows\n", n.NodeType, n.RelationName, n.IndexName, n.ActualRows)
	assert.LessOrEqual(t, n.ActualRows+n.Filtered, float64(fineSpan+100), "%s on %s", n.NodeType, n.RelationName)
	for _, below := range n.Plans {
		below.describe(t, text)
	}
}
