package demo_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/services/money"
	"orderflow/starter/internal/demo"
	"orderflow/starter/internal/gatewayclient"
	"orderflow/starter/internal/gatewaytest"
)

func demonstrate(t *testing.T, gateway *gatewaytest.Gateway) (string, error) {
	t.Helper()
	var out strings.Builder
	client := gateway.Client(t)
	keys := 0
	err := demo.Run(t.Context(), demo.Config{
		Admin: client, Customer: client, Out: &out, Backoff: gatewaytest.Backoff(), Deadline: 10 * time.Second,
		FixCommand: func(orderID string) string { return "fix " + orderID },

		NewKey: func() string { keys++; return fmt.Sprintf("%s-%d", time.Now(), keys) },
	})
	return out.String(), err
}

func TestOneShipsOneIsDeclinedOneIsOutOfStock(t *testing.T) {
	gateway := gatewaytest.New(t)
	for round := range 3 {
		text, err := demonstrate(t, gateway)
		require.NoError(t, err, "round %d", round)
		shipped, declined, outOfStock := strings.Index(text, "Order 1 of 3"), strings.Index(text, "Order 2 of 3"), strings.Index(text, "Order 3 of 3")
		require.True(t, 0 <= shipped && shipped < declined && declined < outOfStock, text)

		assert.Contains(t, text[shipped:declined], ": order-0000")
		assert.Contains(t, text[shipped:declined], "=> shipped, 99.98 USD, after ")
		assert.Contains(t, text[declined:outOfStock], "x ChargePayment     failed: PaymentDeclined")
		assert.Contains(t, text[declined:outOfStock], "undone: RefundPayment")
		assert.Contains(t, text[declined:outOfStock], "undone: ReleaseInventory")
		assert.Contains(t, text[declined:outOfStock], "undone: CancelOrder")
		assert.Contains(t, text[outOfStock:], "x ReserveInventory  failed: OutOfStock")
		assert.Contains(t, text[outOfStock:], "undone: CancelOrder")
	}
	assert.Equal(t, 9, gateway.Orders())
	assert.Equal(t, int64(994), gateway.Stock("prod-kettle").OnHand)
}

func TestWhatIsThereIsNotOverwritten(t *testing.T) {
	gateway := gatewaytest.New(t)
	client := gateway.Client(t)
	mine := gatewayclient.Product{ProductID: "prod-kettle", Name: "My kettle", UnitPrice: money.New(1, "USD")}
	require.NoError(t, client.PutProduct(t.Context(), mine))
	require.NoError(t, client.SetStock(t.Context(), "prod-samovar", 3))
	_, err := demonstrate(t, gateway)
	require.NoError(t, err)
	assert.Equal(t, mine, gateway.Product("prod-kettle"))
	assert.Equal(t, int64(3), gateway.Stock("prod-samovar").OnHand, "the order that is out of stock asks for more than there is")
}

func TestKettlesThatRunLowAreToppedUp(t *testing.T) {
	gateway := gatewaytest.New(t)
	require.NoError(t, gateway.Client(t).SetStock(t.Context(), "prod-kettle", 1))
	_, err := demonstrate(t, gateway)
	require.NoError(t, err)
	assert.Greater(t, gateway.Stock("prod-kettle").OnHand, int64(100))
}

func TestWhereADeclinedOrderMayBeFixedItWaitsAndSaysHow(t *testing.T) {
	gateway := gatewaytest.New(t)
	gateway.FixWindow = true
	text, err := demonstrate(t, gateway)
	require.NoError(t, err, "waiting is what the setting asks for")
	declined, outOfStock := strings.Index(text, "Order 2 of 3"), strings.Index(text, "Order 3 of 3")
	require.Less(t, declined, outOfStock, text)
	assert.Contains(t, text[declined:outOfStock], "! ChargePayment     waits for a fix: PaymentDeclined")
	assert.Contains(t, text[declined:outOfStock], "=> waits for another payment method, and is undone without one, 99.98 USD")
	assert.Contains(t, text[declined:outOfStock], "ORDERFLOW_FIX_WINDOW")
	assert.Contains(t, text[declined:outOfStock], "fix order-00000002\n")
	assert.Contains(t, text[outOfStock:], "x ReserveInventory  failed: OutOfStock")
}

func TestAnOrderThatEndsOtherwiseIsAnError(t *testing.T) {
	gateway := gatewaytest.New(t)
	gateway.BlockedProduct = "prod-kettle"
	text, err := demonstrate(t, gateway)
	require.ErrorIs(t, err, demo.ErrUnexpected)
	assert.Contains(t, text, "blocked, waits for an operator")
	assert.Contains(t, text, "Order 3 of 3", "the others are shown all the same")
}

func TestAStartingGatewayIsWaitedFor(t *testing.T) {
	gateway := gatewaytest.New(t)
	gateway.Inject(gatewaytest.Fault{Method: "GET", Path: "/v1/customers/", Times: 3, Refusal: problem.New(problem.Unavailable, "starting")})
	gateway.Inject(gatewaytest.Fault{Method: "POST", Path: "/v1/orders", Times: 2, AfterEffect: true})
	_, err := demonstrate(t, gateway)
	require.NoError(t, err)
	assert.Equal(t, 3, gateway.Orders())
}

func TestARefusalSaysDuringWhat(t *testing.T) {
	gateway := gatewaytest.New(t)
	gateway.Inject(gatewaytest.Fault{Method: "PUT", Path: "/v1/products/", Refusal: problem.New(problem.Forbidden, "no")})
	_, err := demonstrate(t, gateway)
	require.ErrorContains(t, err, "preparing the demonstration: forbidden")
	require.NotErrorIs(t, err, context.DeadlineExceeded)
}
