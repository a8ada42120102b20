package rpc

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
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
		"orderflow_breaker_state":               {"payment": float64(resilience.Open)},
		"orderflow_breaker_refused_total":       {"payment": 2},
		"orderflow_breaker_transitions_total":   {"payment,open": 1},
		"orderflow_breaker_slow_calls_total":    {"payment": 0},
		"orderflow_bulkhead_current":            {"forward,payment": 0, "compensation,payment": 0},
		"orderflow_bulkhead_queued":             {"forward,payment": 0, "compensation,payment": 0},
		"orderflow_bulkhead_rejected_total":     {"forward,payment": 0, "compensation,payment": 0},
		"orderflow_bulkhead_wait_seconds_total": {"forward,payment": 0, "compensation,payment": 0},
		"orderflow_retry_budget_tokens":         {"forward,payment": 10, "compensation,payment": 10},
		"orderflow_retry_budget_calls_total":    {"forward,payment": 6, "compensation,payment": 0},
		"orderflow_retry_budget_retries_total":  {"forward,payment": 0, "compensation,payment": 0},
		"orderflow_retry_budget_refused_total":  {"forward,payment": 0, "compensation,payment": 0},
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
	assert.Equal(t, 5, snapshots[0].Bulkheads[Forward].MaxConcurrent)
	assert.Equal(t, "payment", snapshots[1].Target)

	require.NoError(t, payment.Close())
	assert.Len(t, guards.Snapshot(), 1)
	require.NoError(t, inventory.Close())
	assert.Empty(t, guards.Snapshot())
}

func TestInstancesAreMeasuredByTheClientOfTheirService(t *testing.T) {
	reports := telemetry.Discard()
	instances := discovery.Addresses{"payment": {serve(t, working).Addr(), serve(t, failing).Addr()}}
	resolver, err := discovery.NewFixed(instances, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, resolver.Close()) })
	c := closing(t, NewClient("payment", resolver, Config{}, reports))
	audits := closing(t, NewClient("payment-audit", resolver, Config{}, reports, WithService("payment")))

	for range 10 {
		_ = get(t.Context(), c)
	}
	require.NoError(t, get(t.Context(), audits), "it knows from the other who is bad")
	for metric, want := range map[string]float64{
		"orderflow_instances_known":           2,
		"orderflow_instances_ejected":         1,
		"orderflow_instances_ejections_total": 1,
		"orderflow_instances_returns_total":   0,
	} {
		assert.Equal(t, map[string]float64{"payment": want}, scrape(t, reports, metric), metric)
	}
	assert.Equal(t, map[string]float64{"payment": 0, "payment-audit": 0}, scrape(t, reports, "orderflow_breaker_state"))
	assert.Equal(t, map[string]float64{"payment": 0, "payment-audit": 0}, scrape(t, reports, "orderflow_breaker_remaining_open_seconds"))
}

func TestSnapshotIsFitForAnOperatorsRoute(t *testing.T) {
	var guards Guards
	resolver, err := discovery.NewFixed(discovery.Addresses{"payment": {serve(t, working).Addr()}}, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, resolver.Close()) })
	c := closing(t, NewClient("payment-audit", resolver, Config{}, nil, WithService("payment"), WithGuards(&guards)))
	require.NoError(t, get(t.Context(), c))

	text, err := json.Marshal(guards.Snapshot())
	require.NoError(t, err)
	var members []map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(text, &members))
	require.Len(t, members, 1)
	assert.ElementsMatch(t, slices.Collect(maps.Keys(members[0])),
		[]string{"target", "service", "breaker", "bulkheads", "retryBudget", "compensationRetryBudget", "instances", "ejections", "returns"})
	assert.JSONEq(t, `"payment-audit"`, string(members[0]["target"]))
	assert.JSONEq(t, `{"tokens": 10, "calls": 1, "retries": 0, "refused": 0}`, string(members[0]["retryBudget"]))

	var read []Snapshot
	require.NoError(t, json.Unmarshal(text, &read), "another process can read it")
	assert.Equal(t, "payment", read[0].Service)
	assert.Len(t, read[0].Instances, 1)
}
