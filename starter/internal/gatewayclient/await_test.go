package gatewayclient_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/problem"
	"orderflow/services/money"
	"orderflow/starter/internal/gatewayclient"
	"orderflow/starter/internal/gatewaytest"
)

// shop returns a gateway with one customer and ten kettles, and an order for
// one of them.
func shop(t *testing.T) (*gatewaytest.Gateway, *gatewayclient.Client, gatewayclient.Placement) {
	t.Helper()
	gateway := gatewaytest.New(t)
	client := gateway.Client(t)
	require.NoError(t, client.PutCustomer(t.Context(), gatewayclient.Customer{CustomerID: "cust-ada", Name: "Ada"}))
	require.NoError(t, client.PutProduct(t.Context(), gatewayclient.Product{ProductID: "prod-kettle", Name: "Kettle", UnitPrice: money.New(100, "USD")}))
	_, err := client.SetFirstStock(t.Context(), "prod-kettle", 10)
	require.NoError(t, err)
	return gateway, client, gatewayclient.Placement{
		CustomerID: "cust-ada",
		Items:      []gatewayclient.PlacementItem{{ProductID: "prod-kettle", Quantity: 1}},
		Payment:    gatewayclient.PlacementPayment{Method: "pm_card_visa"},
	}
}

var withKey = gatewayclient.PlaceOptions{IdempotencyKey: "k", Wait: time.Second}

func TestAnAcceptedOrderIsReadUntilItsEnd(t *testing.T) {
	gateway, client, placement := shop(t)
	gateway.ReadsUntilEnd = 3
	gateway.Inject(gatewaytest.Fault{Method: "GET", Path: "/v1/orders/", Times: 1, Refusal: problem.New(problem.NotFound, "late")})
	gateway.Inject(gatewaytest.Fault{Method: "GET", Path: "/v1/orders/", Times: 2})

	placed, err := client.Place(t.Context(), placement, withKey, gatewaytest.Backoff())
	require.NoError(t, err)
	require.Nil(t, placed.Order)
	order, err := client.AwaitRest(t.Context(), placed, gatewaytest.Backoff())
	require.NoError(t, err)
	assert.Equal(t, gatewayclient.StatusShipped, order.Status)
	assert.Equal(t, 7, gateway.Requests("GET /v1/orders/"), "one not found, two cut, three running, the end")
}

func TestAnOrderThatDoesNotEndInTimeIsNamed(t *testing.T) {
	gateway, client, placement := shop(t)
	gateway.ReadsUntilEnd = 1 << 30
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	placed, err := client.Place(ctx, placement, withKey, gatewaytest.Backoff())
	require.NoError(t, err)
	_, err = client.AwaitRest(ctx, placed, gatewaytest.Backoff())
	var notEnded *gatewayclient.NotEndedError
	require.ErrorAs(t, err, &notEnded)
	assert.Equal(t, placed.OrderID, notEnded.OrderID)
	assert.False(t, gatewayclient.Refused(err))
}

func TestALostAnswerDoesNotPlaceTwice(t *testing.T) {
	gateway, client, placement := shop(t)
	gateway.Inject(gatewaytest.Fault{Method: "POST", Path: "/v1/orders", Times: 3, AfterEffect: true})
	_, err := client.Place(t.Context(), placement, withKey, gatewaytest.Backoff())
	require.NoError(t, err)
	assert.Equal(t, 1, gateway.Orders())
	assert.Equal(t, 4, gateway.Requests("POST /v1/orders"))
}

func TestPlacingRepeatedlyWithoutAKeyIsRefused(t *testing.T) {
	gateway, client, placement := shop(t)
	_, err := client.Place(t.Context(), placement, gatewayclient.PlaceOptions{}, gatewaytest.Backoff())
	require.Error(t, err)
	assert.Zero(t, gateway.Orders())
}
