package discovery

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAddrIsReadyToDial(t *testing.T) {
	assert.Equal(t, "10.0.0.7:8080", Instance{Host: "10.0.0.7", Port: 8080}.Addr())
	assert.Equal(t, "[::1]:8080", Instance{Host: "::1", Port: 8080}.Addr())
}

func TestValidateNamesAllThatIsMissing(t *testing.T) {
	require.NoError(t, testInstance("payment-1", 7001).Validate())

	err := Instance{Port: 70_000}.Validate()
	for _, part := range []string{"ID", "service name", "host", "70000"} {
		assert.ErrorContains(t, err, part)
	}
}

func TestStaticResolvesFromItsTable(t *testing.T) {
	one, two := testInstance("payment-1", 7001), testInstance("payment-2", 7002)
	static := Static{"order": {one}, "payment": {one, two}}

	got, err := static.Next(t.Context(), "order")
	require.NoError(t, err)
	assert.Equal(t, one, got)

	seen := make(map[string]int)
	for range 1_000 {
		got, err := static.Next(t.Context(), "payment")
		require.NoError(t, err)
		seen[got.ID]++
	}
	assert.Len(t, seen, 2, "both are used")

	_, err = static.Next(t.Context(), "nobody")
	require.ErrorIs(t, err, ErrNoAvailableInstance)
	assert.ErrorContains(t, err, "nobody")
}
