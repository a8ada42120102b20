package host

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"

	"orderflow/internal/payloadcodec"
	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
	"orderflow/internal/temporalclient/temporaltest"
	"orderflow/workflows/contract"
)

func dial(t *testing.T, addr string) client.Client {
	t.Helper()
	return dialWith(t, addr, payloadcodec.Codec{})
}

func dialWith(t *testing.T, addr string, codec payloadcodec.Codec) client.Client {
	t.Helper()
	connected, err := temporalclient.Dial(t.Context(),
		temporalclient.Config{Addr: addr, Namespace: temporaltest.Namespace, Codec: codec}, telemetry.Discard())
	require.NoError(t, err)
	t.Cleanup(connected.Close)
	return connected
}

func TestWorkersThatStartTogetherRegisterEverySearchAttribute(t *testing.T) {
	connected := dial(t, temporaltest.Start(t, "--search-attribute", contract.AttributeOrderState+"=Keyword"))
	failures := make(chan error)
	const workers = 4
	for range workers {
		go func() { failures <- registerSearchAttributes(t.Context(), connected, temporaltest.Namespace) }()
	}
	for range workers {
		require.NoError(t, <-failures)
	}
	known, err := connected.OperatorService().ListSearchAttributes(t.Context(),
		&operatorservice.ListSearchAttributesRequest{Namespace: temporaltest.Namespace})
	require.NoError(t, err)
	for name, valueType := range searchAttributes {
		require.Equal(t, valueType, known.GetCustomAttributes()[name], name)
	}
	require.NoError(t, registerSearchAttributes(t.Context(), connected, temporaltest.Namespace), "there is nothing left to do")
}

func TestAnAttributeOfAnotherTypeEndsTheStart(t *testing.T) {
	connected := dial(t, temporaltest.Start(t, "--search-attribute", contract.AttributeNeedsAttention+"=Keyword"))
	err := registerSearchAttributes(t.Context(), connected, temporaltest.Namespace)
	require.ErrorContains(t, err, "search attribute NeedsAttention has type Keyword on this server, want Bool")
}
