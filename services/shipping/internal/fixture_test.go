package internal_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"orderflow/internal/fence"
	"orderflow/internal/fence/outside/outsidetest"
	"orderflow/internal/problem"
	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/shipping"
	"orderflow/services/shipping/internal"
	"orderflow/services/shipping/internal/carrier"
	"orderflow/services/shipping/internal/simulator"
)

// point is a place in a call of the carrier where something can happen.
type point = outsidetest.Point

const (
	beforeLookup point = "before lookup"
	beforeShip   point = "before ship"
	afterShip    point = "after ship"
	beforeCancel point = "before cancel"
	afterCancel  point = "after cancel"
)

// interposed is a carrier behind a wire on which things happen.
type interposed struct {
	internal.Carrier
	outsidetest.Wire
}

func (c *interposed) Lookup(ctx context.Context, key string) (carrier.Consignment, error) {
	return outsidetest.Through(&c.Wire, beforeLookup, outsidetest.Unnoticed, func() (carrier.Consignment, error) {
		return c.Carrier.Lookup(ctx, key)
	})
}

func (c *interposed) Ship(ctx context.Context, request carrier.Request) (carrier.Consignment, error) {
	return outsidetest.Through(&c.Wire, beforeShip, afterShip, func() (carrier.Consignment, error) {
		return c.Carrier.Ship(ctx, request)
	})
}

func (c *interposed) Cancel(ctx context.Context, key string) (carrier.Consignment, error) {
	return outsidetest.Through(&c.Wire, beforeCancel, afterCancel, func() (carrier.Consignment, error) {
		return c.Carrier.Cancel(ctx, key)
	})
}

// process is one process of the shipping service.
type process struct {
	*internal.Service
	wire *interposed
}

// shop is several processes over one database, and the carrier that they share.
type shop struct {
	db   *sqlstore.DB
	post *simulator.Simulator
}

func (s shop) start() process {
	wire := &interposed{Carrier: s.post}
	return process{Service: internal.NewService(s.db, wire, sqlstore.Now), wire: wire}
}

func each(t *testing.T, test func(t *testing.T, s shop)) {
	sqlstoretest.Each(t, append(internal.Schemas(), simulator.Schema()), func(t *testing.T, db *sqlstore.DB) {
		test(t, shop{db: db, post: simulator.New(db, sqlstore.Now)})
	})
}

func key(orderID string, revision int) fence.Key {
	return fence.Key{OrderID: orderID, Step: "ShipOrder", Revision: revision}
}

const goodPostalCode = "SW1Y 4JH"

func shipOf(orderID string, revision int, postalCode string) shipping.ShipRequest {
	return shipping.ShipRequest{
		Key:     key(orderID, revision),
		Address: shipping.Address{Name: "Ada", Line1: "12 St James's Square", City: "London", PostalCode: postalCode, Country: "GB"},
		Parcels: []shipping.Parcel{{ProductID: "prod-kettle", Quantity: 2}},
	}
}

func cancelOf(orderID string, revision int) shipping.CancelRequest {
	return shipping.CancelRequest{Key: key(orderID, revision), Reason: "changed my mind"}
}

func (s shop) requireLive(t require.TestingT, orderID string, want int) {
	live, err := s.post.Live(context.Background(), orderID)
	require.NoError(t, err)
	require.Equal(t, want, live, "consignments at the carrier")
}

func (s shop) fenceState(t require.TestingT, key fence.Key) fence.State {
	return outsidetest.FenceState(t, s.db, key)
}

func requireCode(t *testing.T, want problem.Code, err error) {
	t.Helper()
	require.Equal(t, want, problem.CodeOf(err), "%v", err)
}

func requireStatus(t *testing.T, p process, orderID string, want shipping.Status) shipping.Shipment {
	t.Helper()
	found, err := p.Shipment(t.Context(), orderID)
	require.NoError(t, err)
	require.Equal(t, want, found.Status)
	return found
}
