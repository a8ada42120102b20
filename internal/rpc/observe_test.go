package rpc

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"orderflow/internal/discovery"
	"orderflow/internal/resilience"
	"orderflow/internal/telemetry"
)

// scrape returns the samples of the metric by the values of their labels.
func scrape(t *testing.T, reports *telemetry.Telemetry, metric string) map[string]float64 {
	t.Helper()
	families, err := reports.Registry.Gather()
	require.NoError(t, err)
	samples := make(map[string]float64)
	for _, family := range families {
		if family.GetName() != metric {
			continue
		}
		for _, sample := range family.GetMetric() {
			var values []string
			for _, label := range sample.GetLabel() {
				values = append(values, label.GetValue())
			}
			value := sample.GetGauge().GetValue() + sample.GetCounter().GetValue() + float64(sample.GetHistogram().GetSampleCount())
			samples[strings.Join(values, ",")] = value
		}
	}
	return samples
}

func TestCallsBreakerAndBulkheadAreMeasured(t *testing.T) {
	reports := telemetry.Discard()
	logs, lines := observer.New(zap.InfoLevel)
	reports.Log = zap.New(logs)
	instance := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	c := newTestClient(t, Config{}, reports, instance)

	require.NoError(t, get(t.Context(), c))
	for range 7 {
		require.Error(t, c.Call(t.Context(), http.MethodDelete, "/v1/charges", nil, nil))
	}
	assert.Equal(t, map[string]float64{"ok,payment": 1, "unavailable,payment": 5, "breaker-open,payment": 2},
		scrape(t, reports, "orderflow_rpc_client_calls_total"))
	assert.Equal(t, map[string]float64{"ok,payment": 1, "unavailable,payment": 5, "breaker-open,payment": 2},
		scrape(t, reports, "orderflow_rpc_client_duration_seconds"))
	for metric, want := range map[string]map[string]float64{
		"orderflow_breaker_state":             {"payment": float64(resilience.Open)},
		"orderflow_breaker_refused_total":     {"payment": 2},
		"orderflow_breaker_transitions_total": {"payment,open": 1},
		"orderflow_bulkhead_current":          {"payment": 0},
		"orderflow_bulkhead_queued":           {"payment": 0},
		"orderflow_bulkhead_rejected_total":   {"payment": 0},
	} {
		assert.Equal(t, want, scrape(t, reports, metric), metric)
	}
	opened := lines.FilterMessage("circuit breaker changed its state").All()
	require.Len(t, opened, 1, "each transition is logged once")
	assert.Equal(t, map[string]any{"target": "payment", "from": "closed", "to": "open"}, opened[0].ContextMap())
}

func TestGuardsListsTheClientsUntilTheyAreClosed(t *testing.T) {
	var guards Guards
	assert.Empty(t, guards.Snapshot())
	payment := NewClient("payment", discovery.Static{}, Config{}, nil, WithGuards(&guards))
	inventory := NewClient("inventory", discovery.Static{}, Config{}, nil, WithGuards(&guards))

	snapshots := guards.Snapshot()
	require.Len(t, snapshots, 2)
	assert.Equal(t, "inventory", snapshots[0].Target)
	assert.Equal(t, 5, snapshots[0].Bulkhead.MaxConcurrent)
	assert.Equal(t, "payment", snapshots[1].Target)

	require.NoError(t, payment.Close())
	assert.Len(t, guards.Snapshot(), 1)
	require.NoError(t, inventory.Close())
	assert.Empty(t, guards.Snapshot())
}
