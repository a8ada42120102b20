package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"orderflow/gateway/internal/certificate"
	"orderflow/internal/httpserver"
	"orderflow/internal/telemetry"
)

func TestSettingsOfTLSThatContradictEachOtherAreRefused(t *testing.T) {
	const files = "ORDERFLOW_TLS_CERT=c.pem ORDERFLOW_TLS_KEY=k.pem "
	const acme = "ORDERFLOW_TLS_ACME_DOMAINS=api.shop.example "
	for settings, blamed := range map[string]string{
		"ORDERFLOW_TLS_CERT=c.pem":                                         "TLS_CERT",
		"ORDERFLOW_TLS_KEY=k.pem":                                          "TLS_CERT",
		files + "ORDERFLOW_TLS_DEV=true":                                   "TLS_CERT",
		files + acme:                                                       "TLS_CERT",
		acme + "ORDERFLOW_TLS_DEV=true":                                    "TLS_DEV",
		"ORDERFLOW_TLS_CLIENT_CA=ca.pem":                                   "TLS_CLIENT_CA",
		files + "ORDERFLOW_TLS_CLIENT_AUTH=optional":                       "TLS_CLIENT_AUTH",
		files + "ORDERFLOW_TLS_CLIENT_AUTH=never":                          "TLS_CLIENT_AUTH",
		files + "ORDERFLOW_TLS_ACME_EMAIL=a@shop.example":                  "TLS_ACME_EMAIL",
		files + "ORDERFLOW_TLS_ACME_DIRECTORY=https://ca.example/dir":      "TLS_ACME_DIRECTORY",
		acme + "ORDERFLOW_TLS_ACME_DIRECTORY=ca.example":                   "TLS_ACME_DIRECTORY",
		"ORDERFLOW_TLS_ACME_DOMAINS=*.shop.example":                        "TLS_ACME_DOMAINS",
		"ORDERFLOW_TLS_ACME_DOMAINS=localhost":                             "TLS_ACME_DOMAINS",
		"ORDERFLOW_TLS_ACME_DOMAINS=192.0.2.1":                             "TLS_ACME_DOMAINS",
		"ORDERFLOW_TLS_ACME_DOMAINS=api.shop.example:443":                  "TLS_ACME_DOMAINS",
		"ORDERFLOW_TLS_ACME_DOMAINS=api.shop.example,https://shop.example": "TLS_ACME_DOMAINS",
		files + "ORDERFLOW_TLS_RELOAD=0":                                   "TLS_RELOAD",
		"ORDERFLOW_CROSS_ORIGINS=*":                                        "CROSS_ORIGINS",
		"ORDERFLOW_CROSS_ORIGINS=https://shop.example/":                    "CROSS_ORIGINS",
		"ORDERFLOW_CODEC_ORIGINS=null":                                     "CODEC_ORIGINS",
		"ORDERFLOW_MAX_BACKLOG=-1":                                         "MAX_BACKLOG",
	} {
		_, err := load(environmentOf(settings))
		require.Error(t, err, settings)
		assert.Contains(t, err.Error(), "(ORDERFLOW_"+blamed+"): ", settings)
		assert.NotContains(t, err.Error(), "\n")
	}
}

func environmentOf(settings string) map[string]string {
	environment := make(map[string]string)
	for setting := range strings.FieldsSeq(settings) {
		name, value, _ := strings.Cut(setting, "=")
		environment[name] = value
	}
	return environment
}

func TestFilesThatCannotBeUsedNameTheirSetting(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing.pem")
	cfg, err := load(map[string]string{"ORDERFLOW_TLS_CERT": missing, "ORDERFLOW_TLS_KEY": missing})
	require.NoError(t, err)
	_, err = openTLS(cfg, zap.NewNop())
	require.ErrorContains(t, err, "ORDERFLOW_TLS_CERT")
	assert.NotContains(t, err.Error(), "\n")

	cfg, err = load(map[string]string{"ORDERFLOW_TLS_DEV": "true", "ORDERFLOW_TLS_CLIENT_CA": missing, "ORDERFLOW_KEYS_DIR": dir})
	require.NoError(t, err)
	_, err = openTLS(cfg, zap.NewNop())
	require.ErrorContains(t, err, "ORDERFLOW_TLS_CLIENT_CA")

	require.NoError(t, os.WriteFile(missing, nil, 0o600))
	cfg, err = load(map[string]string{"ORDERFLOW_TLS_DEV": "true", "ORDERFLOW_KEYS_DIR": missing})
	require.NoError(t, err)
	_, err = openTLS(cfg, zap.NewNop())
	require.ErrorContains(t, err, "ORDERFLOW_TLS_DEV")
}

func TestACMENeedsNothingAtTheStart(t *testing.T) {
	cfg, err := load(environmentOf("ORDERFLOW_TLS_ACME_DOMAINS=api.shop.example,shop.example ORDERFLOW_TLS_ACME_DIRECTORY=http://127.0.0.1:1/directory"))
	require.NoError(t, err)
	served, err := openTLS(cfg, zap.NewNop())
	require.NoError(t, err)
	inner, err := served.Config().GetConfigForClient(&tls.ClientHelloInfo{})
	require.NoError(t, err)
	assert.Equal(t, []string{"h2", "http/1.1", "acme-tls/1"}, inner.NextProtos)
	assert.True(t, cfg.TLS.trusted())
}

// The whole gateway over HTTPS, as main runs it.
func TestTheGatewayServesHTTPSWithADevelopmentCertificate(t *testing.T) {
	dir := t.TempDir()
	cfg, err := load(map[string]string{
		"ORDERFLOW_TLS_DEV": "true", "ORDERFLOW_KEYS_DIR": dir, "ORDERFLOW_GATEWAY_ADDR": "127.0.0.1:0",
		"ORDERFLOW_TEMPORAL_ADDR": "127.0.0.1:1", "ORDERFLOW_CONSUL_ADDR": "127.0.0.1:1", "ORDERFLOW_CROSS_ORIGINS": "https://shop.example",
	})
	require.NoError(t, err)
	base, client := serveParts(t, cfg, filepath.Join(dir, certificate.DevelopmentCAFile))

	get := func(path string, header http.Header) *http.Response {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
		require.NoError(t, err)
		for name, values := range header {
			request.Header[name] = values
		}
		response, err := client.Do(request)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response
	}
	page := get("/docs", http.Header{"Accept-Encoding": {"zstd"}})
	assert.Equal(t, http.StatusOK, page.StatusCode)
	assert.Equal(t, 2, page.ProtoMajor)
	assert.EqualValues(t, tls.VersionTLS13, page.TLS.Version)
	assert.Equal(t, "zstd", page.Header.Get("Content-Encoding"))
	assert.Contains(t, page.Header.Get("Content-Security-Policy"), "style-src 'self'")
	assert.Empty(t, page.Header.Get("Strict-Transport-Security"), "it would bind every program of this machine")

	refused := get("/v1/products", http.Header{"Origin": {"https://shop.example"}})
	assert.Equal(t, http.StatusUnauthorized, refused.StatusCode)
	assert.Equal(t, "https://shop.example", refused.Header.Get("Access-Control-Allow-Origin"))
	assert.Equal(t, "no-store", refused.Header.Get("Cache-Control"))
	assert.Equal(t, "no-referrer", refused.Header.Get("Referrer-Policy"))
}

// serveParts serves what build makes, in the way in which the chassis does it.
func serveParts(t *testing.T, cfg *settings, trusted string) (base string, client *http.Client) {
	t.Helper()
	parts, err := build(cfg, telemetry.Discard())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, parts.Close()) })
	engine := httpserver.NewEngine(httpserver.Options{Name: "gateway", Public: parts.Public, BodyLimits: parts.BodyLimits})
	parts.Routes(engine)
	listener, err := httpserver.Listen(cfg.GatewayAddr)
	require.NoError(t, err)
	server := httpserver.Serve(context.Background(), tls.NewListener(listener, parts.TLS), parts.Handler(engine))
	roots := x509.NewCertPool()
	content, err := os.ReadFile(trusted)
	require.NoError(t, err)
	require.True(t, roots.AppendCertsFromPEM(content))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		assert.NoError(t, server.Shutdown(context.Background()))
	})
	return "https://" + server.Addr().String(), &http.Client{Transport: transport}
}

func TestAnOriginIsWrittenAsABrowserWritesIt(t *testing.T) {
	for _, good := range []string{"http://127.0.0.1:8233", "https://temporal.shop.test", "http://[::1]:8233"} {
		assert.True(t, isOrigin(good), good)
	}
	for _, bad := range []string{"", "*", "null", "127.0.0.1:8233", "ftp://a.test", "https://", "https://a.test/", "https://A.test", "https://a@b.test", "https://a.test?x"} {
		assert.False(t, isOrigin(bad), bad)
	}
}
