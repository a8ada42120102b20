package contract_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"orderflow/workflows/contract"
)

func TestOrderIDsAreValidAndDistinct(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id, err := contract.NewOrderID()
		require.NoError(t, err)
		require.True(t, contract.ValidOrderID(id), id)
		require.False(t, seen[id])
		seen[id] = true
	}
}

func TestTheKeyDecidesTheOrderID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		customer, key := rapid.String().Draw(t, "customer"), rapid.String().Draw(t, "key")
		id := contract.OrderIDForKey(customer, key)
		require.True(t, contract.ValidOrderID(id), id)
		require.Equal(t, id, contract.OrderIDForKey(customer, key))
		require.NotEqual(t, id, contract.OrderIDForKey(customer, key+"x"))
		require.NotEqual(t, id, contract.OrderIDForKey(customer+"x", key))
		// Moving the border between the two names another order.
		if key != "" {
			require.NotEqual(t, id, contract.OrderIDForKey(customer+key[:1], key[1:]))
		}
	})
}

func TestOtherTextsAreNoOrderIDs(t *testing.T) {
	valid := contract.OrderIDForKey("c", "k")
	for _, text := range []string{
		"", "order-", "order-1", strings.TrimPrefix(valid, contract.OrderIDPrefix), "ORDER-" + valid[6:],
		strings.ToUpper(valid), valid + "0", valid[:len(valid)-1], "order-{" + valid[6:] + "}", valid + "\n", "order-../" + valid,
	} {
		require.False(t, contract.ValidOrderID(text), text)
	}
}
