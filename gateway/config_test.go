package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/config"
	"orderflow/internal/httpserver"
	"orderflow/internal/payloadcodec"
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
	assert.Equal(t, token.DevelopmentIssuer, cfg.TokenIssuer)
	assert.Equal(t, contract.Settings{StepTimeout: 10 * time.Minute, Deadline: 24 * time.Hour}, cfg.workflow())
	assert.Nil(t, cfg.workflowLink())
	served, err := cfg.tls()
	require.NoError(t, err)
	assert.Nil(t, served)
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
	assert.Equal(t, 300*time.Millisecond, cfg.rpc(cfg.Order).Timeout)
	assert.Equal(t, 4, cfg.rpc(cfg.Order).Bulkhead.MaxConcurrent)
	assert.Equal(t, "temporal:7233", cfg.temporal(payloadcodec.Codec{}).Addr)
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
		"ORDERFLOW_TLS_CERT=cert.pem",
		"ORDERFLOW_TLS_KEY=key.pem",
		"ORDERFLOW_FAST_WAY=maybe",
		"ORDERFLOW_RATE_LIMIT=0",
		"ORDERFLOW_RATE_BURST=-1",
		"ORDERFLOW_ORDER_MAX_QUEUE=5",
		"ORDERFLOW_PART_TIMEOUT=1h",
		"ORDERFLOW_STEP_TIMEOUT=0",
		"ORDERFLOW_STEP_TIMEOUT=25h",
		"ORDERFLOW_SAGA_DEADLINE=0",
		"ORDERFLOW_SAGA_DEADLINE=721h",
		"ORDERFLOW_FIX_WINDOW=-1s",
		"ORDERFLOW_FIX_WINDOW=721h",
		"ORDERFLOW_DURABLE_STEPS=ChargePayment,RefundPayment",
		"ORDERFLOW_DURABLE_STEPS=chargepayment",
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

func TestCertificateAndKeyMakeTLS(t *testing.T) {
	dir := t.TempDir()
	environment := map[string]string{
		"ORDERFLOW_TLS_CERT": filepath.Join(dir, "cert.pem"), "ORDERFLOW_TLS_KEY": filepath.Join(dir, "key.pem"),
	}
	cfg, err := load(environment)
	require.NoError(t, err)
	_, err = cfg.tls()
	require.ErrorContains(t, err, "ORDERFLOW_TLS_CERT")

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gateway"}, NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	for name, block := range map[string]*pem.Block{
		environment["ORDERFLOW_TLS_CERT"]: {Type: "CERTIFICATE", Bytes: certificate},
		environment["ORDERFLOW_TLS_KEY"]:  {Type: "PRIVATE KEY", Bytes: private},
	} {
		require.NoError(t, os.WriteFile(name, pem.EncodeToMemory(block), 0o600))
	}
	served, err := cfg.tls()
	require.NoError(t, err)
	assert.EqualValues(t, tls.VersionTLS12, served.MinVersion)
	assert.Len(t, served.Certificates, 1)
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

func TestAnOriginIsWrittenAsABrowserWritesIt(t *testing.T) {
	for _, good := range []string{"http://127.0.0.1:8233", "https://temporal.shop.test", "http://[::1]:8233"} {
		assert.True(t, isOrigin(good), good)
	}
	for _, bad := range []string{"", "*", "null", "127.0.0.1:8233", "ftp://a.test", "https://", "https://a.test/", "https://A.test", "https://a@b.test", "https://a.test?x"} {
		assert.False(t, isOrigin(bad), bad)
	}
}
