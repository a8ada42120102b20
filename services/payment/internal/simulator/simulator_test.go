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
	"orderflow/services/money"
	"orderflow/services/payment/internal/provider"
	"orderflow/services/payment/internal/simulator"
)

func each(t *testing.T, test func(t *testing.T, bank *simulator.Simulator)) {
	sqlstoretest.Each(t, []sqlstore.Schema{simulator.Schema()}, func(t *testing.T, db *sqlstore.DB) {
		test(t, simulator.New(db, time.Now))
	})
}

func request(key, method string) provider.Request {
	return provider.Request{Key: key, OrderID: "order-1", CustomerID: "cust-1", Amount: money.New(9999, "USD"), Method: method}
}

func requireStatement(t *testing.T, bank *simulator.Simulator, want simulator.Statement) {
	t.Helper()
	statement, err := bank.Statement(t.Context(), "order-1")
	require.NoError(t, err)
	require.Equal(t, want, statement)
}

func TestTheMethodDecidesWhetherMoneyIsCaptured(t *testing.T) {
	for method, reason := range map[string]string{
		simulator.MethodVisa:              "",
		simulator.MethodRefundFail:        "",
		simulator.MethodDeclined:          "the card was declined",
		simulator.MethodInsufficientFunds: "the card has insufficient funds",
		"pm_card_unheardOf":               "the payment method is unknown",
	} {
		t.Run(method, func(t *testing.T) {
			each(t, func(t *testing.T, bank *simulator.Simulator) {
				first, err := bank.Capture(t.Context(), request("key-1", method))
				require.NoError(t, err)
				if reason == "" {
					assert.Equal(t, provider.Captured, first.State)
					assert.Equal(t, money.New(9999, "USD"), first.Amount)
					assert.NotEmpty(t, first.Reference)
					requireStatement(t, bank, simulator.Statement{Captured: money.New(9999, "USD"), Live: 1})
				} else {
					assert.Equal(t, provider.Charge{Key: "key-1", State: provider.Declined, Reason: reason}, first)
					requireStatement(t, bank, simulator.Statement{})
				}

				again, err := bank.Capture(t.Context(), request("key-1", method))
				require.NoError(t, err)
				assert.Equal(t, first, again, "the same request gets the same answer")
				found, err := bank.Lookup(t.Context(), "key-1")
				require.NoError(t, err)
				assert.Equal(t, first, found)
			})
		})
	}
}

func TestNothingIsACaptureToo(t *testing.T) {
	each(t, func(t *testing.T, bank *simulator.Simulator) {
		free := request("key-1", simulator.MethodVisa)
		free.Amount = money.Zero("USD")
		charge, err := bank.Capture(t.Context(), free)
		require.NoError(t, err)
		assert.Equal(t, provider.Captured, charge.State)
		requireStatement(t, bank, simulator.Statement{Captured: money.Zero("USD"), Live: 1})
	})
}

func TestAKeyIsForOneRequest(t *testing.T) {
	each(t, func(t *testing.T, bank *simulator.Simulator) {
		_, err := bank.Capture(t.Context(), request("key-1", simulator.MethodVisa))
		require.NoError(t, err)
		other := request("key-1", simulator.MethodVisa)
		other.Amount = money.New(1, "USD")
		_, err = bank.Capture(t.Context(), other)
		require.ErrorIs(t, err, provider.ErrKeyReused)
		requireStatement(t, bank, simulator.Statement{Captured: money.New(9999, "USD"), Live: 1})
	})
}

func TestAVoidOfAnUnknownKeyKeepsItFromBeingCaptured(t *testing.T) {
	each(t, func(t *testing.T, bank *simulator.Simulator) {
		_, err := bank.Lookup(t.Context(), "key-1")
		require.ErrorIs(t, err, provider.ErrUnknownKey)

		voided, err := bank.Void(t.Context(), "key-1")
		require.NoError(t, err)
		require.Equal(t, provider.Charge{Key: "key-1", State: provider.Voided}, voided)
		late, err := bank.Capture(t.Context(), request("key-1", simulator.MethodVisa))
		require.NoError(t, err)
		require.Equal(t, voided, late)
		requireStatement(t, bank, simulator.Statement{})
	})
}

func TestAVoidLeavesAChargeAsItIs(t *testing.T) {
	each(t, func(t *testing.T, bank *simulator.Simulator) {
		for key, method := range map[string]string{"key-1": simulator.MethodVisa, "key-2": simulator.MethodDeclined} {
			charge, err := bank.Capture(t.Context(), request(key, method))
			require.NoError(t, err)
			after, err := bank.Void(t.Context(), key)
			require.NoError(t, err)
			require.Equal(t, charge, after)
		}
		requireStatement(t, bank, simulator.Statement{Captured: money.New(9999, "USD"), Live: 1})
	})
}

// Whichever comes first, a key that was voided holds no money.
func TestCapturesAndVoidsOfOneKeyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, bank *simulator.Simulator) {
		for round := range 5 {
			key := fmt.Sprintf("key-%d", round)
			var all sync.WaitGroup
			states := make([]provider.State, 8)
			for i := range states {
				all.Go(func() {
					var charge provider.Charge
					var err error
					if i%2 == 0 {
						charge, err = bank.Capture(t.Context(), request(key, simulator.MethodVisa))
					} else {
						charge, err = bank.Void(t.Context(), key)
					}
					assert.NoError(t, err)
					states[i] = charge.State
				})
			}
			all.Wait()
			for _, state := range states {
				require.Equal(t, states[0], state)
			}
			require.Contains(t, []provider.State{provider.Captured, provider.Voided}, states[0])
		}
	})
}
