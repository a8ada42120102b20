package certificate_test

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"orderflow/gateway/internal/certificate"
)

func TestADevelopmentCertificateIsMadeOnceAndTrustedByItsFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	source, created, err := certificate.Development(dir, time.Now())
	require.NoError(t, err)
	assert.True(t, created)
	secret, err := os.Stat(filepath.Join(dir, certificate.DevelopmentFile))
	require.NoError(t, err)
	assert.EqualValues(t, 0o600, secret.Mode().Perm())
	first, err := os.ReadFile(filepath.Join(dir, certificate.DevelopmentCAFile))
	require.NoError(t, err)
	assert.NotContains(t, string(first), "PRIVATE")

	_, created, err = certificate.Development(dir, time.Now().Add(300*24*time.Hour))
	require.NoError(t, err)
	assert.False(t, created)

	server, err := certificate.Open(source, certificate.Clients{}, zap.NewNop())
	require.NoError(t, err)
	addr := serve(t, server)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(first))
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		_, _, err = get(t, addr, &tls.Config{RootCAs: roots, ServerName: name})
		require.NoError(t, err, name)
	}
	_, _, err = get(t, addr, &tls.Config{RootCAs: roots, ServerName: "api.shop.example"})
	require.Error(t, err)

	_, created, err = certificate.Development(dir, time.Now().Add(340*24*time.Hour))
	require.NoError(t, err)
	assert.True(t, created, "it is replaced before it ends")
	second, err := os.ReadFile(filepath.Join(dir, certificate.DevelopmentCAFile))
	require.NoError(t, err)
	assert.NotEqual(t, first, second)
}

func TestAFolderThatCannotBeUsedIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, _, err := certificate.Development(file, time.Now())
	require.ErrorContains(t, err, "folder")

	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, certificate.DevelopmentFile), []byte("damaged"), 0o600))
	_, _, err = certificate.Development(dir, time.Now())
	require.ErrorContains(t, err, "reading the development certificate")
}
