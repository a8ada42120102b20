package ordertest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/order"
	"orderflow/services/order/ordertest"
)

// What Fill stores cannot be told from what the service would have stored.
func TestFilledOrdersAreOrdersOfTheService(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		numbered := func(number int) order.Placement { return placement(fmt.Sprintf("order-%d", number)) }
		require.NoError(t, ordertest.Fill(t.Context(), dsn, 0, 250, numbered))
		require.NoError(t, ordertest.Fill(t.Context(), dsn, 250, 260, numbered))

		service := ordertest.Start(t, ordertest.WithDSN(dsn))
		shipped, err := service.CustomerOrders(t.Context(), order.ListQuery{CustomerID: "cust-ada", Status: order.Shipped, Page: 1, Limit: 10})
		require.NoError(t, err)
		assert.EqualValues(t, 260, shipped.Total)
		view, err := service.Order(t.Context(), "order-255")
		require.NoError(t, err)
		assert.EqualValues(t, 3, view.Version)
		assert.Equal(t, order.SagaCompleted, view.Saga.State)
		require.NoError(t, service.Rebuild(t.Context()), "the events can be projected from zero")
		require.NoError(t, ship(t.Context(), service, "order-new"))
	})
}
