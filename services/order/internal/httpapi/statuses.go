package httpapi

import (
	"fmt"

	"github.com/gin-gonic/gin"

	"orderflow/internal/httpserver"
	"orderflow/internal/validate"
	"orderflow/services/order"
)

// statuses answers POST /v1/orders/statuses: a query with a body, because it
// names more orders than an address may hold.
func (h Handlers) statuses(c *gin.Context) {
	var query order.StatusQuery
	if err := httpserver.Bind(c, &query); err != nil {
		httpserver.Fail(c, err)
		return
	}
	fields := validate.New()
	fields.Count("/orderIds", len(query.OrderIDs), 1, order.MaxStatuses)
	if len(query.OrderIDs) <= order.MaxStatuses {
		for i, id := range query.OrderIDs {
			fields.Text(fmt.Sprintf("/orderIds/%d", i), id, 1, validate.MaxText)
		}
	}
	if err := fields.Err(); err != nil {
		httpserver.Fail(c, err)
		return
	}
	list, err := h.Statuses.Of(c.Request.Context(), query.OrderIDs)
	answer(c, list, err)
}
