package watch_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"orderflow/internal/problem"
	"orderflow/services/money"
	"orderflow/starter/internal/gatewayclient"
	"orderflow/starter/internal/gatewaytest"
	"orderflow/starter/internal/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// placed returns a gateway with one order and a Config to watch it.
func placed(t *testing.T) (gateway *gatewaytest.Gateway, cfg watch.Config, out *strings.Builder, orderID string) {
	t.Helper()
	gateway = gatewaytest.New(t)
	client := gateway.Client(t)
	require.NoError(t, client.PutCustomer(t.Context(), gatewayclient.Customer{CustomerID: "cust-ada", Name: "Ada"}))
	require.NoError(t, client.PutProduct(t.Context(), gatewayclient.Product{ProductID: "prod-kettle", Name: "Kettle", UnitPrice: money.New(100, "USD")}))
	_, err := client.SetFirstStock(t.Context(), "prod-kettle", 10)
	require.NoError(t, err)
	answer, err := client.PlaceOrder(t.Context(), gatewayclient.Placement{
		CustomerID: "cust-ada",
		Items:      []gatewayclient.PlacementItem{{ProductID: "prod-kettle", Quantity: 1}},
	}, gatewayclient.PlaceOptions{})
	require.NoError(t, err)
	out = &strings.Builder{}
	return gateway, watch.Config{
		Gateway: client, Out: out, Notes: &strings.Builder{},
		Pause: time.Millisecond, Backoff: gatewaytest.Backoff(),
	}, out, answer.OrderID
}

const story = `v1  draft      saga running       CreateOrder done, ReserveInventory running
v2  confirmed  saga running       ReserveInventory done, ChargePayment done, ConfirmOrder done, ShipOrder running
v3  shipped    saga completed     ShipOrder done, CommitInventory done, CompleteOrder done, NotifyCustomer done
`

func TestEveryChangeIsOneLine(t *testing.T) {
	_, cfg, out, id := placed(t)
	order, err := watch.Run(t.Context(), cfg, id)
	require.NoError(t, err)
	assert.Equal(t, gatewayclient.StatusShipped, order.Status)
	assert.Equal(t, story, out.String())
}

func TestACutStreamIsResumedWithoutRepeatingAnything(t *testing.T) {
	gateway, cfg, out, id := placed(t)
	gateway.StreamLength = 1
	gateway.ReadsUntilEnd = 100
	notes := &strings.Builder{}
	cfg.Notes = notes
	_, err := watch.Run(t.Context(), cfg, id)
	require.NoError(t, err)
	assert.Equal(t, story, out.String())
	assert.Equal(t, 3, gateway.Requests("GET /v1/orders/"+id+"/stream"))
	assert.Equal(t, 2, strings.Count(notes.String(), "trying again"))
}

func TestAViewThatIsNewerThanItsEventIsNotToldTwice(t *testing.T) {
	gateway, cfg, out, id := placed(t)
	gateway.StreamAhead = true
	_, err := watch.Run(t.Context(), cfg, id)
	require.NoError(t, err)
	_, rest, _ := strings.Cut(story, "\n")
	assert.Equal(t, strings.Replace(rest, "ReserveInventory done", "CreateOrder done, ReserveInventory done", 1), out.String())
}

func TestAViewWithoutASagaIsShownWithoutOne(t *testing.T) {
	gateway, cfg, out, id := placed(t)
	gateway.StreamBare = true
	_, err := watch.Run(t.Context(), cfg, id)
	require.NoError(t, err)
	before, after, _ := strings.Cut(out.String(), "v3")
	assert.Equal(t, "v1  draft\nv2  confirmed\n", before)
	assert.Contains(t, after, "CreateOrder done, ReserveInventory done")
}

func TestARestartOfTheGatewayIsSurvived(t *testing.T) {
	gateway, cfg, out, id := placed(t)
	gateway.Inject(gatewaytest.Fault{Method: "GET", Path: "/v1/orders/" + id, Skip: 1, Times: 3})
	gateway.Inject(gatewaytest.Fault{Method: "GET", Path: "/v1/orders/" + id, Times: 2, Refusal: problem.New(problem.Unavailable, "starting")})
	gateway.StreamLength = 1
	gateway.ReadsUntilEnd = 100
	_, err := watch.Run(t.Context(), cfg, id)
	require.NoError(t, err)
	assert.Equal(t, story, out.String())
}

func TestAnOrderThatEndedWhileNobodyListenedIsShown(t *testing.T) {
	gateway, cfg, out, id := placed(t)
	gateway.Inject(gatewaytest.Fault{Method: "GET", Path: "/v1/orders/" + id + "/stream", Skip: 1})
	gateway.StreamLength = 1
	order, err := watch.Run(t.Context(), cfg, id)
	require.NoError(t, err)
	assert.True(t, order.Ended())
	assert.Contains(t, out.String(), "v3  shipped")
}

func TestAnUnknownOrderIsAFinalAnswer(t *testing.T) {
	_, cfg, out, _ := placed(t)
	_, err := watch.Run(t.Context(), cfg, "order-unknown")
	assert.Equal(t, problem.NotFound, problem.CodeOf(err))
	assert.Empty(t, out.String())
}

func TestAGatewayThatStaysAwayIsGivenUp(t *testing.T) {
	gateway, cfg, _, id := placed(t)
	gateway.Inject(gatewaytest.Fault{Method: "GET", Path: "/v1/orders/"})
	cfg.ConnectTimeout = 30 * time.Millisecond
	_, err := watch.Run(t.Context(), cfg, id)
	var unreachable *gatewayclient.UnreachableError
	require.ErrorAs(t, err, &unreachable)
}

func TestWatchingEndsWhenItIsCancelled(t *testing.T) {
	gateway, cfg, _, id := placed(t)
	ctx, cancel := context.WithCancel(t.Context())
	gateway.Inject(gatewaytest.Fault{Method: "GET", Path: "/v1/orders/" + id + "/stream", Hang: true, Seen: cancel})
	_, err := watch.Run(ctx, cfg, id)
	require.ErrorIs(t, err, context.Canceled)
}
