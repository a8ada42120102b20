package placement_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
	"orderflow/internal/temporalclient/temporaltest"
	"orderflow/workflows/contract"
)

// dial starts a real server that knows the attributes of orders.
func dial(t *testing.T) client.Client {
	t.Helper()
	addr := temporaltest.Start(t,
		"--search-attribute", contract.AttributeOrderState+"=Keyword",
		"--search-attribute", contract.AttributeCustomerID+"=Keyword")
	connected, err := temporalclient.Dial(t.Context(),
		temporalclient.Config{Addr: addr, Namespace: temporaltest.Namespace}, telemetry.Discard())
	require.NoError(t, err)
	t.Cleanup(connected.Close)
	return connected
}
