package e2e_test

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
	"orderflow/workflows/contract"
)

// shop is a system in which orders get into trouble one after the other, each
// with a product and a customer of its own.
type shop struct {
	*system
	fastWay   string // on or off
	workflows client.Client
	random    *rand.Rand
	// gateways are the URLs of further gateways, by how they treat orders.
	gateways map[string]string
	// ends are how the orders ended, by their names.
	ends map[string]end
}

// Gateways that treat orders in another way than the product does by itself.
const (
	patient   = "patient"   // what is refused may be fixed
	impatient = "impatient" // a step, or a fix, must come within seconds
	hurried   = "hurried"   // the carrier must have accepted within seconds
)

// openShop boots a system. What it sells follows from the seed.
func openShop(t *testing.T, fastWay string) *shop {
	t.Helper()
	t.Logf("shop of seed %d", seed)
	s := &shop{
		system: start(t, settings(t, "ORDERFLOW_FAST_WAY="+fastWay)), fastWay: fastWay, random: rand.New(rand.NewPCG(seed, seed)),
		gateways: map[string]string{}, ends: map[string]end{},
	}
	var err error
	s.workflows, err = temporalclient.Dial(t.Context(),
		temporalclient.Config{Addr: s.TemporalAddr(), Namespace: contract.Namespace}, telemetry.Discard())
	require.NoError(t, err)
	t.Cleanup(s.workflows.Close)
	s.openGateway(patient, "ORDERFLOW_FIX_WINDOW=10m")
	s.openGateway(impatient, "ORDERFLOW_STEP_TIMEOUT=3s", "ORDERFLOW_FIX_WINDOW=1s")
	s.openGateway(hurried, "ORDERFLOW_SAGA_DEADLINE=2s")
	return s
}

// on is the same shop within a part of the test.
func (s *shop) on(t *testing.T) *shop {
	inner, outer := *s, *s.system
	outer.t = t
	inner.system = &outer
	return &inner
}

// purchase is what a customer asks for. The zero value ships.
type purchase struct {
	method     string // of payment
	postalCode string
	quantity   int64
	gateway    string // one of the shop's further gateways
}

const (
	// onHand is what there is of each product at first.
	onHand = 40
	// noRoute is a postal code that the carrier refuses.
	noRoute = "00000"
)

// stockUp makes a product and a customer of one name.
func (s *shop) stockUp(name string) {
	s.t.Helper()
	s.put("/v1/products/"+name, map[string]any{
		"productId": name, "name": "Product " + name,
		"unitPrice": map[string]any{"amount": 100 + s.random.Int64N(10_000), "currency": "USD"},
	})
	s.put("/v1/customers/"+name, map[string]any{"customerId": name, "name": "Customer " + name})
	s.put("/v1/inventory/"+name, map[string]any{"productId": name, "onHand": onHand})
}

// place has an order accepted and returns its ID. The name is that of its
// product and its customer and the idempotency key, so that the order has the
// same ID in every shop.
func (s *shop) place(name string, p purchase) string {
	s.t.Helper()
	s.stockUp(name)
	return s.placeAgain(name, name, p)
}

// placeAgain is place for a name that is there already, with a key of its own.
func (s *shop) placeAgain(name, key string, p purchase) string {
	s.t.Helper()
	placed, err := s.callAt(s.t.Context(), cmp.Or(s.gateways[p.gateway], s.GatewayURL()), http.MethodPost, "/v1/orders", map[string]any{
		"customerId": name,
		"items":      []any{map[string]any{"productId": name, "quantity": cmp.Or(p.quantity, 1)}},
		"payment":    map[string]any{"method": cmp.Or(p.method, "pm_card_visa")},
		"shippingAddress": map[string]any{
			"name": "A", "line1": "1 Main St", "city": "London", "postalCode": cmp.Or(p.postalCode, "N1"), "country": "GB",
		},
	}, "Idempotency-Key", key)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusAccepted, placed.status, "%s", placed.body)
	return contract.OrderIDForKey(name, key)
}

// decide sends a decision about an order, which must be accepted.
func (s *shop) decide(path string, body any, headers ...string) {
	s.t.Helper()
	decided, err := s.call(s.t.Context(), http.MethodPost, path, body, headers...)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusAccepted, decided.status, "%s: %s", path, decided.body)
}

func because(reason string) map[string]any { return map[string]any{"reason": reason} }
