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
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"orderflow/internal/config"
	"orderflow/internal/telemetry"
	"orderflow/internal/token"
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
	assert.False(t, cfg.workflow().FastWayOff)
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
	assert.Equal(t, "temporal:7233", cfg.temporal().Addr)
}

func TestAWrongSettingIsNamed(t *testing.T) {
	for name, value := range map[string]string{
		"ORDERFLOW_GATEWAY_ADDR":    "nowhere",
		"ORDERFLOW_LISTEN_ADDR":     "127.0.0.1:80",
		"ORDERFLOW_TLS_CERT":        "cert.pem",
		"ORDERFLOW_TLS_KEY":         "key.pem",
		"ORDERFLOW_FAST_WAY":        "maybe",
		"ORDERFLOW_RATE_LIMIT":      "0",
		"ORDERFLOW_RATE_BURST":      "-1",
		"ORDERFLOW_ORDER_MAX_QUEUE": "5",
		"ORDERFLOW_PART_TIMEOUT":    "1h",
	} {
		_, err := load(map[string]string{name: value})
		require.Error(t, err, name)
		assert.Contains(t, err.Error(), "ORDERFLOW_", name)
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
