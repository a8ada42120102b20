package internal_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/internal/chassis/chassistest"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/shipping"
	"orderflow/services/shipping/internal/simulator"
	"orderflow/services/shipping/shippingtest"
)

const goodShip = `{"key":{"orderId":"order-1","step":"ShipOrder","revision":1},` +
	`"address":{"name":"Ada","line1":"12 St James's Square","line2":null,"city":"London","postalCode":"SW1Y 4JH","country":"GB"},` +
	`"parcels":[{"productId":"prod-kettle","quantity":2}]}`

func TestShipAndCancelOverHTTP(t *testing.T) {
	service := shippingtest.Start(t)
	shipped, err := service.Ship(t.Context(), shipOf("order-1", 1, goodPostalCode))
	require.NoError(t, err)
	live, err := service.LiveAtCarrier(t.Context(), "order-1")
	require.NoError(t, err)
	require.Equal(t, 1, live)
	found, err := service.Shipment(t.Context(), "order-1")
	require.NoError(t, err)
	require.Equal(t, shipped, found)

	require.NoError(t, service.Cancel(t.Context(), cancelOf("order-1", 1)))
	found, err = service.Shipment(t.Context(), "order-1")
	require.NoError(t, err)
	require.Equal(t, shipping.Cancelled, found.Status)

	_, err = service.Ship(t.Context(), shipOf("order-2", 1, simulator.RefusedPostalCode))
	require.Equal(t, problem.ShipmentRefused, problem.CodeOf(err))
}

func TestAnUnknownShipmentIsNotFound(t *testing.T) {
	sqlstoretest.EachDSN(t, func(t *testing.T, dsn string) {
		service := shippingtest.Start(t, shippingtest.WithDSN(dsn))
		for _, orderID := range []string{"order-1", "..%2f", "%00", strings.Repeat("x", 65)} {
			answer := chassistest.Send(t, http.MethodGet, service.URL+"/v1/shipments/"+orderID, "")
			require.Equal(t, http.StatusNotFound, answer.Status, orderID)
		}
	})
}

func TestBadInputIsRefusedByFieldAndChangesNothing(t *testing.T) {
	service := shippingtest.Start(t)
	instead := func(old, changed string) string {
		require.Contains(t, goodShip, old)
		return strings.Replace(goodShip, old, changed, 1)
	}
	parcels := func(count int) string {
		const one = `{"productId":"prod-kettle","quantity":2}`
		return instead("["+one+"]", "["+strings.TrimSuffix(strings.Repeat(one+",", count), ",")+"]")
	}
	for name, test := range map[string]struct {
		path, body string
		code       problem.Code
		pointer    string
	}{
		"no body":              {"/v1/shipments", ``, problem.Malformed, ""},
		"unknown member":       {"/v1/shipments", instead(`"city"`, `"planet":"x","city"`), problem.Malformed, "/address/planet"},
		"no order":             {"/v1/shipments", instead("order-1", ""), problem.Invalid, "/key/orderId"},
		"revision 0":           {"/v1/shipments", instead(`"revision":1`, `"revision":0`), problem.Invalid, "/key/revision"},
		"no name":              {"/v1/shipments", instead("Ada", ""), problem.Invalid, "/address/name"},
		"line break in a line": {"/v1/shipments", instead("12 St", `12\r\nSt`), problem.Invalid, "/address/line1"},
		"no city":              {"/v1/shipments", instead("London", ""), problem.Invalid, "/address/city"},
		"country of a letter":  {"/v1/shipments", instead(`"GB"`, `"G"`), problem.Invalid, "/address/country"},
		"long postal code":     {"/v1/shipments", instead("SW1Y 4JH", strings.Repeat("9", 201)), problem.Invalid, "/address/postalCode"},
		"no parcel":            {"/v1/shipments", parcels(0), problem.Invalid, "/parcels"},
		"101 parcels":          {"/v1/shipments", parcels(101), problem.Invalid, "/parcels"},
		"path as a product":    {"/v1/shipments", instead("prod-kettle", "../x"), problem.Invalid, "/parcels/0/productId"},
		"quantity 0":           {"/v1/shipments", instead(`"quantity":2`, `"quantity":0`), problem.Invalid, "/parcels/0/quantity"},
		"quantity of 2^63":     {"/v1/shipments", instead(`"quantity":2`, `"quantity":9223372036854775808`), problem.Invalid, "/parcels/0/quantity"},
		"cancel without a key": {"/v1/shipments/cancel", `{"reason":"x"}`, problem.Invalid, "/key/orderId"},
		"cancel for a long reason": {
			"/v1/shipments/cancel",
			fmt.Sprintf(`{"key":{"orderId":"order-1","step":"ShipOrder","revision":1},"reason":%q}`, strings.Repeat("x", 1001)),
			problem.Invalid, "/reason",
		},
	} {
		t.Run(name, func(t *testing.T) {
			chassistest.RequireRefused(t, service.URL+test.path, test.body, test.code, test.pointer)
		})
	}
	// The tombstone or the shipment of a refused body would show here.
	shipped, err := service.Ship(t.Context(), shipOf("order-1", 1, goodPostalCode))
	require.NoError(t, err)
	require.Equal(t, shipping.Accepted, shipped.Status)
}
