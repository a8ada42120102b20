package simulator_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/sqlstore"
	"orderflow/internal/sqlstore/sqlstoretest"
	"orderflow/services/shipping"
	"orderflow/services/shipping/internal/carrier"
	"orderflow/services/shipping/internal/simulator"
)

func each(t *testing.T, test func(t *testing.T, post *simulator.Simulator)) {
	sqlstoretest.Each(t, []sqlstore.Schema{simulator.Schema()}, func(t *testing.T, db *sqlstore.DB) {
		test(t, simulator.New(db, time.Now))
	})
}

func request(key, postalCode string) carrier.Request {
	return carrier.Request{
		Key: key, OrderID: "order-1",
		Address: shipping.Address{Name: "Ada", Line1: "12 St James's Square", City: "London", PostalCode: postalCode, Country: "GB"},
		Parcels: []shipping.Parcel{{ProductID: "prod-kettle", Quantity: 2}},
	}
}

func requireLive(t *testing.T, post *simulator.Simulator, want int) {
	t.Helper()
	live, err := post.Live(t.Context(), "order-1")
	require.NoError(t, err)
	require.Equal(t, want, live)
}

func TestParcelsAreAcceptedOnce(t *testing.T) {
	each(t, func(t *testing.T, post *simulator.Simulator) {
		_, err := post.Lookup(t.Context(), "key-1")
		require.ErrorIs(t, err, carrier.ErrUnknownKey)

		first, err := post.Ship(t.Context(), request("key-1", "SW1Y 4JH"))
		require.NoError(t, err)
		assert.Equal(t, carrier.Accepted, first.State)
		assert.Equal(t, simulator.Name, first.Carrier)
		assert.Regexp(t, "^SP[A-Z2-7]{16}$", first.TrackingNumber)
		again, err := post.Ship(t.Context(), request("key-1", "SW1Y 4JH"))
		require.NoError(t, err)
		assert.Equal(t, first, again)
		found, err := post.Lookup(t.Context(), "key-1")
		require.NoError(t, err)
		assert.Equal(t, first, found)
		requireLive(t, post, 1)

		second, err := post.Ship(t.Context(), request("key-2", "SW1Y 4JH"))
		require.NoError(t, err)
		assert.NotEqual(t, first.TrackingNumber, second.TrackingNumber)
	})
}

func TestAPostalCodeIsRefused(t *testing.T) {
	each(t, func(t *testing.T, post *simulator.Simulator) {
		for range 2 {
			refused, err := post.Ship(t.Context(), request("key-1", simulator.RefusedPostalCode))
			require.NoError(t, err)
			require.Equal(t, carrier.Consignment{
				Key: "key-1", State: carrier.Refused, Reason: "the carrier does not deliver to this postal code",
			}, refused)
		}
		requireLive(t, post, 0)
	})
}

func TestAKeyIsForOneRequest(t *testing.T) {
	each(t, func(t *testing.T, post *simulator.Simulator) {
		_, err := post.Ship(t.Context(), request("key-1", "SW1Y 4JH"))
		require.NoError(t, err)
		_, err = post.Ship(t.Context(), request("key-1", "E1 6AN"))
		require.ErrorIs(t, err, carrier.ErrKeyReused)
	})
}

func TestACancellationStays(t *testing.T) {
	each(t, func(t *testing.T, post *simulator.Simulator) {
		accepted, err := post.Ship(t.Context(), request("key-1", "SW1Y 4JH"))
		require.NoError(t, err)
		want := accepted
		want.State = carrier.Cancelled
		for range 2 {
			cancelled, err := post.Cancel(t.Context(), "key-1")
			require.NoError(t, err)
			require.Equal(t, want, cancelled)
		}
		late, err := post.Ship(t.Context(), request("key-1", "SW1Y 4JH"))
		require.NoError(t, err)
		require.Equal(t, want, late)
		requireLive(t, post, 0)
	})
}

func TestACancellationOfAnUnknownKeyVoidsIt(t *testing.T) {
	each(t, func(t *testing.T, post *simulator.Simulator) {
		voided, err := post.Cancel(t.Context(), "key-1")
		require.NoError(t, err)
		require.Equal(t, carrier.Consignment{Key: "key-1", State: carrier.Voided}, voided)
		late, err := post.Ship(t.Context(), request("key-1", "SW1Y 4JH"))
		require.NoError(t, err)
		require.Equal(t, voided, late)
		requireLive(t, post, 0)
	})
}

// Whichever comes first, nothing is on its way under a cancelled key.
func TestShipmentsAndCancellationsOfOneKeyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, post *simulator.Simulator) {
		for round := range 5 {
			key := fmt.Sprintf("key-%d", round)
			var all sync.WaitGroup
			for i := range 8 {
				all.Go(func() {
					var err error
					if i%2 == 0 {
						_, err = post.Ship(t.Context(), request(key, "SW1Y 4JH"))
					} else {
						_, err = post.Cancel(t.Context(), key)
					}
					assert.NoError(t, err)
				})
			}
			all.Wait()
		}
		requireLive(t, post, 0)
	})
}
