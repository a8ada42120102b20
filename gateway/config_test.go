package main

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"go.uber.org/zap"

	"orderflow/gateway/internal/api"
	"orderflow/internal/config"
	"orderflow/internal/httpserver"
	"orderflow/internal/payloadcodec/keyring"
	"orderflow/internal/telemetry"
	"orderflow/internal/token"
	"orderflow/workflows/contract"
)

func load(environment map[string]string) (*settings, error) {
	var cfg settings
	lookup := func(name string) (string, bool) { value, ok := environment[name]; return value, ok }
	_, err := config.Load("gateway", "", &cfg, nil, lookup, io.Discard)
	return &cfg, err
}

func TestTheDefaultsAreTheContracts(t *testing.T) {
	cfg, err := load(nil)
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1:8080", cfg.chassis().Listen.Addr)
	assert.Equal(t, 100, cfg.limits().Rate)
	assert.Equal(t, 200, cfg.limits().Burst)
	assert.Equal(t, 5000, cfg.MaxBacklog)
	assert.Equal(t, token.DevelopmentIssuer, cfg.TokenIssuer)
	assert.Equal(t, contract.Settings{StepTimeout: 10 * time.Minute, Deadline: 24 * time.Hour}, cfg.workflow())
	assert.Nil(t, cfg.workflowLink())
	served, err := openTLS(cfg, zap.NewNop())
	require.NoError(t, err)
	assert.Nil(t, served)
	assert.Equal(t, api.BatchLimits{Lines: 1000, Time: 5 * time.Minute}, cfg.batch())
	assert.Empty(t, cfg.CrossOrigins)
}

func TestSettingsComeFromTheEnvironment(t *testing.T) {
	cfg, err := load(map[string]string{
		"ORDERFLOW_GATEWAY_ADDR": ":9000", "ORDERFLOW_FAST_WAY": "off", "ORDERFLOW_RATE_LIMIT": "7", "ORDERFLOW_RATE_BURST": "9",
		"ORDERFLOW_ORDER_TIMEOUT": "300ms", "ORDERFLOW_ORDER_MAX_CONCURRENT": "4", "ORDERFLOW_TEMPORAL_ADDR": "temporal:7233",
	})
	require.NoError(t, err)
	assert.Equal(t, ":9000", cfg.chassis().Listen.Addr)
	assert.True(t, cfg.workflow().FastWayOff)
	assert.Equal(t, 7, cfg.limits().Rate)
	assert.Equal(t, 300*time.Millisecond, cfg.Order.RPC(callTimeout).Timeout)
	assert.Equal(t, 4, cfg.Order.RPC(callTimeout).Bulkhead.MaxConcurrent)
	assert.Equal(t, "temporal:7233", cfg.Temporal.Addr)
}

func TestSettingsOfTheSagaTravelWithEveryPlacement(t *testing.T) {
	cfg, err := load(map[string]string{
		"ORDERFLOW_FAST_WAY": "off", "ORDERFLOW_DURABLE_STEPS": "ChargePayment,ShipOrder", "ORDERFLOW_STEP_TIMEOUT": "90s",
		"ORDERFLOW_SAGA_DEADLINE": "2h", "ORDERFLOW_FIX_WINDOW": "48h",
	})
	require.NoError(t, err)
	assert.Equal(t, contract.Settings{
		FastWayOff: true, DurableSteps: []string{contract.StepChargePayment, contract.StepShipOrder},
		StepTimeout: 90 * time.Second, Deadline: 2 * time.Hour, FixWindow: 48 * time.Hour,
	}, cfg.workflow())
}

func TestWorkflowsAreLinkedWhereOperatorsHaveAUI(t *testing.T) {
	for _, address := range []string{"https://temporal.example:8233/ui", "https://temporal.example:8233/ui/"} {
		cfg, err := load(map[string]string{"ORDERFLOW_TEMPORAL_UI_URL": address, "ORDERFLOW_TEMPORAL_NAMESPACE": "shop"})
		require.NoError(t, err)
		assert.Equal(t, "https://temporal.example:8233/ui/namespaces/shop/workflows/order-1", cfg.workflowLink()("order-1"))
	}
}

func TestAWrongSettingIsNamed(t *testing.T) {
	for _, wrong := range []string{
		"ORDERFLOW_GATEWAY_ADDR=nowhere",
		"ORDERFLOW_LISTEN_ADDR=127.0.0.1:80",
		"ORDERFLOW_MAX_REQUESTS=0",
		"ORDERFLOW_BATCH_LINES=0",
		"ORDERFLOW_BATCH_TIME=0",
		"ORDERFLOW_BATCHES=0",
		"ORDERFLOW_BATCHES_EACH=0",
		"ORDERFLOW_STREAMS_EACH=0",
		"ORDERFLOW_WAITS_EACH=0",
		"ORDERFLOW_FAST_WAY=maybe",
		"ORDERFLOW_RATE_LIMIT=0",
		"ORDERFLOW_RATE_BURST=-1",
		"ORDERFLOW_ORDER_MAX_QUEUE=5",
		"ORDERFLOW_SHIPPING_BREAKER_SLOW_CALL=2s",
		"ORDERFLOW_LOOKUP_KIND=static",
		"ORDERFLOW_INTERNAL_ADDR=nowhere",
		"ORDERFLOW_PART_TIMEOUT=1h",
		"ORDERFLOW_STEP_TIMEOUT=0",
		"ORDERFLOW_STEP_TIMEOUT=25h",
		"ORDERFLOW_SAGA_DEADLINE=0",
		"ORDERFLOW_SAGA_DEADLINE=721h",
		"ORDERFLOW_FIX_WINDOW=-1s",
		"ORDERFLOW_FIX_WINDOW=721h",
		"ORDERFLOW_DURABLE_STEPS=ChargePayment,RefundPayment",
		"ORDERFLOW_DURABLE_STEPS=chargepayment",
		"ORDERFLOW_LIMITS_DSN=sqlite:limits.db",
		"ORDERFLOW_TRUSTED_PROXIES=10.0.0.0/33",
		"ORDERFLOW_TRUSTED_PROXIES=10.0.0.0/8,proxy",
		"ORDERFLOW_TRUSTED_PROXIES=0.0.0.0/0",
		"ORDERFLOW_PROXY_HEADER=X-Real-IP",
		"ORDERFLOW_WRITE_RATE_LIMIT=5",
		"ORDERFLOW_WRITE_RATE_BURST=5",
		"ORDERFLOW_TEMPORAL_UI_URL=127.0.0.1:8233",
		"ORDERFLOW_TEMPORAL_UI_URL=javascript:alert(1)",
		"ORDERFLOW_TEMPORAL_UI_URL=https:///ui",
	} {
		name, value, _ := strings.Cut(wrong, "=")
		_, err := load(map[string]string{name: value})
		require.Error(t, err, wrong)
		assert.Contains(t, err.Error(), "ORDERFLOW_", wrong)
		assert.NotContains(t, err.Error(), "\n")
	}
}

// Nothing has to be there when the gateway starts: it says what is missing.
func TestReadinessNamesWhatIsMissing(t *testing.T) {
	cfg, err := load(map[string]string{
		"ORDERFLOW_KEYS_DIR": t.TempDir(), "ORDERFLOW_TEMPORAL_ADDR": "127.0.0.1:1", "ORDERFLOW_CONSUL_ADDR": "127.0.0.1:1",
	})
	require.NoError(t, err)
	parts, err := build(cfg, telemetry.Discard())
	require.NoError(t, err)
	defer func() { assert.NoError(t, parts.Close()) }()

	assert.True(t, parts.Public)
	var names []string
	ctx := t.Context()
	for name, check := range parts.Checks {
		names = append(names, name)
		bounded, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		assert.Error(t, check(bounded), name)
		cancel()
	}
	assert.ElementsMatch(t, []string{"temporal", "order", "catalog", "customer"}, names)
}

func TestAKeyFolderThatCannotBeUsedIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	cfg, err := load(map[string]string{"ORDERFLOW_KEYS_DIR": file})
	require.NoError(t, err)
	parts, err := build(cfg, telemetry.Discard())
	require.ErrorContains(t, err, "key folder")
	require.NoError(t, parts.Close())
}

func TestTheCodecIsServedOnlyWherePayloadsAreEncrypted(t *testing.T) {
	ring := filepath.Join(t.TempDir(), "payload-keys.json")
	_, err := keyring.Create(ring, time.Now())
	require.NoError(t, err)
	for file, status := range map[string]int{"": http.StatusNotFound, ring: http.StatusUnauthorized} {
		cfg, err := load(map[string]string{"ORDERFLOW_KEYS_DIR": t.TempDir(), "ORDERFLOW_PAYLOAD_KEYS": file})
		require.NoError(t, err)
		parts, err := build(cfg, telemetry.Discard())
		require.NoError(t, err)
		engine := httpserver.NewEngine(httpserver.Options{Name: "gateway", Public: true})
		parts.Routes(engine)
		recorder := httptest.NewRecorder()
		engine.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/codec/decode", nil))
		assert.Equal(t, status, recorder.Code, "keyring %q", file)
		require.NoError(t, parts.Close())
	}
}

func TestAKeyringThatCannotBeUsedIsAnError(t *testing.T) {
	cfg, err := load(map[string]string{"ORDERFLOW_KEYS_DIR": t.TempDir(), "ORDERFLOW_PAYLOAD_KEYS": filepath.Join(t.TempDir(), "missing")})
	require.NoError(t, err)
	parts, err := build(cfg, telemetry.Discard())
	require.ErrorContains(t, err, "setting --payload-keys (ORDERFLOW_PAYLOAD_KEYS): reading the keyring")
	require.NoError(t, parts.Close())
}
