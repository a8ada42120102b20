package readmodel

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/services/money"
	"orderflow/services/order"
	"orderflow/services/order/internal/domain"
)

func TestPagesListNewestFirst(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		for range 5 {
			h.append(h.creates("cust-ada"))
		}
		h.append(h.creates("cust-grace"))
		h.append("order-0002", domain.OrderConfirmed{ConfirmedAt: noon})
		h.append("order-0004", domain.OrderConfirmed{ConfirmedAt: noon})
		h.append("order-0005", domain.OrderCancelled{Reason: "declined"})
		h.catchUp(h.projector())

		for name, test := range map[string]struct {
			query order.ListQuery
			want  []string
			total int64
		}{
			"all":                   {order.ListQuery{CustomerID: "cust-ada", Page: 1, Limit: 10}, []string{"5", "4", "3", "2", "1"}, 5},
			"the first page":        {order.ListQuery{CustomerID: "cust-ada", Page: 1, Limit: 2}, []string{"5", "4"}, 5},
			"the last page":         {order.ListQuery{CustomerID: "cust-ada", Page: 3, Limit: 2}, []string{"1"}, 5},
			"a page after the last": {order.ListQuery{CustomerID: "cust-ada", Page: 4, Limit: 2}, nil, 5},
			"a page far away":       {order.ListQuery{CustomerID: "cust-ada", Page: 1 << 50, Limit: 100}, nil, 5},
			"confirmed ones":        {order.ListQuery{CustomerID: "cust-ada", Status: order.Confirmed, Page: 1, Limit: 10}, []string{"4", "2"}, 2},
			"confirmed, page 2":     {order.ListQuery{CustomerID: "cust-ada", Status: order.Confirmed, Page: 2, Limit: 1}, []string{"2"}, 2},
			"shipped ones":          {order.ListQuery{CustomerID: "cust-ada", Status: order.Shipped, Page: 1, Limit: 10}, nil, 0},
			"another customer":      {order.ListQuery{CustomerID: "cust-grace", Page: 1, Limit: 10}, []string{"6"}, 1},
			"a stranger":            {order.ListQuery{CustomerID: "cust-nobody", Page: 1, Limit: 10}, nil, 0},
		} {
			t.Run(name, func(t *testing.T) {
				page, err := NewViews(h.db).Page(t.Context(), test.query)
				require.NoError(t, err)
				var ids []string
				for _, item := range page.Items {
					ids = append(ids, strings.TrimPrefix(item.OrderID, "order-000"))
				}
				assert.Equal(t, test.want, ids)
				assert.Equal(t, test.total, page.Total)
				assert.Equal(t, []int{test.query.Page, test.query.Limit}, []int{page.Page, page.Limit})
				assert.NotNil(t, page.Items, "an empty page is [] and not null")
			})
		}
	})
}

func TestASummaryHasWhatTheListShows(t *testing.T) {
	eachHistory(t, func(t *testing.T, h *history) {
		h.append("order-1", domain.OrderCreated{
			CustomerID: "cust-ada", CustomerName: "Ada", Total: money.New(30, "EUR"), AcceptedAt: noon,
			Items: []order.Item{{ProductID: "a", Quantity: 1}, {ProductID: "b", Quantity: 2}},
		})
		h.append("order-1", domain.OrderConfirmed{ConfirmedAt: noon})
		h.catchUp(h.projector())
		page, err := NewViews(h.db).Page(t.Context(), order.ListQuery{CustomerID: "cust-ada", Page: 1, Limit: 10})
		require.NoError(t, err)
		assert.Equal(t, []order.Summary{{
			OrderID: "order-1", CustomerID: "cust-ada", CustomerName: "Ada", ItemCount: 2,
			TotalAmount: money.New(30, "EUR"), Status: order.Confirmed, CreatedAt: noon.Add(time.Second), Version: 2,
		}}, page.Items)
	})
}
