package chassis

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"orderflow/internal/config"
	"orderflow/internal/discovery"
	"orderflow/internal/discovery/consultest"
	"orderflow/internal/httpserver"
	"orderflow/internal/rpc"
	"orderflow/internal/telemetry"
)

// guarding are the guards of a process that calls payment.
func guarding(t *testing.T) *rpc.Guards {
	t.Helper()
	guards := new(rpc.Guards)
	client := rpc.NewClient("payment", discovery.Static{}, rpc.Config{}, nil, rpc.WithGuards(guards))
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return guards
}

func requireGuards(t *testing.T, url string) {
	t.Helper()
	status, body := fetch(t, url+GuardsPath)
	require.Equal(t, http.StatusOK, status, body)
	var report GuardsReport
	require.NoError(t, json.Unmarshal([]byte(body), &report))
	require.Len(t, report.Items, 1)
	require.Equal(t, "payment", report.Items[0].Target)
	require.Len(t, report.Items[0].Bulkheads, 2)
}

func TestAProcessShowsTheGuardsOfItsCalls(t *testing.T) {
	r := start(t, Config{}, Parts{Guards: guarding(t)})
	requireGuards(t, r.url)
	r.signal()
	require.NoError(t, r.end(t))
}

func TestStrangersReplaceNoFaults(t *testing.T) {
	for public, want := range map[bool]int{true: http.StatusNotFound, false: http.StatusOK} {
		r := start(t, Config{SwitchFaults: true}, Parts{Public: public})
		status, _ := fetch(t, r.url+httpserver.FaultsPath)
		assert.Equal(t, want, status, "public: %v", public)
		r.signal()
		require.NoError(t, r.end(t))
	}
}

func TestStrangersSeeNoGuards(t *testing.T) {
	agent := consultest.Start(t)
	r := start(t, Config{Discovery: true, Consul: config.Consul{Addr: agent.Addr}}, Parts{
		Public: true, HideInsight: true, Guards: guarding(t), InternalAddr: "127.0.0.1:0", Metadata: map[string]string{"queue": "payment"},
	})
	status, _ := fetch(t, r.url+GuardsPath)
	assert.Equal(t, http.StatusNotFound, status)

	consul, err := discovery.NewConsul(discovery.ConsulConfig{Addr: agent.Addr}, zap.NewNop())
	require.NoError(t, err)
	defer consul.Close()
	var found []discovery.Instance
	require.Eventually(t, func() bool {
		found, err = consul.HealthyInstances(t.Context(), "payment")
		return err == nil && len(found) == 1
	}, within, 5*time.Millisecond)
	assert.Equal(t, "payment", found[0].Metadata["queue"])
	assert.NotEqual(t, found[0].Addr(), found[0].Metadata[MetadataInternal])
	requireGuards(t, "http://"+found[0].Metadata[MetadataInternal])
	status, _ = fetch(t, "http://"+found[0].Metadata[MetadataInternal]+"/metrics")
	assert.Equal(t, http.StatusOK, status)
	_, ready := fetch(t, "http://"+found[0].Metadata[MetadataInternal]+"/readyz")
	assert.Contains(t, ready, `"consul":"ok"`, "with the reasons")
	_, ready = fetch(t, r.url+"/readyz")
	assert.NotContains(t, ready, "consul")

	r.signal()
	require.NoError(t, r.end(t))
}

func TestAnInternalAddressThatCannotBeHadEndsTheStart(t *testing.T) {
	first := start(t, Config{}, Parts{})
	taken := first.url[len("http://"):]
	err := Run(t.Context(), "payment", "v1", Config{}, func(context.Context, *telemetry.Telemetry) (Parts, error) {
		return Parts{Public: true, InternalAddr: taken}, nil
	})
	require.ErrorContains(t, err, "cannot listen at "+taken)
	first.signal()
	require.NoError(t, first.end(t))
}
