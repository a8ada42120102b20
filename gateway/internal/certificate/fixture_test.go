package certificate_test

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
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"orderflow/gateway/internal/certificate"
	"orderflow/internal/httpserver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// authority issues certificates.
type authority struct {
	t           *testing.T
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	a := &authority{t: t, key: key, certificate: &x509.Certificate{
		SerialNumber: serial(t), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}}
	a.certificate = a.sign(a.certificate, key)
	return a
}

func serial(t *testing.T) *big.Int {
	t.Helper()
	number, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(t, err)
	return number
}

func (a *authority) sign(template *x509.Certificate, key *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	require.NoError(a.t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(a.t, err)
	return parsed
}

// issue makes a certificate for this machine; change may make it another.
func (a *authority) issue(change func(*x509.Certificate)) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	template := &x509.Certificate{
		SerialNumber: serial(a.t), Subject: pkix.Name{CommonName: "gateway", Organization: []string{"Shop"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost", "api.shop.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if change != nil {
		change(template)
	}
	leaf := a.sign(template, key)
	return tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

func (a *authority) roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

func certificatePEM(certificate *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
}

func keyPEM(t *testing.T, pair tls.Certificate) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// files are those of a certificate in a folder.
type files struct {
	t                    *testing.T
	certificate, key, ca string
}

func newFiles(t *testing.T) files {
	t.Helper()
	dir := t.TempDir()
	return files{t: t, certificate: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), ca: filepath.Join(dir, "ca.pem")}
}

// replace gives a file new content at once, as those who renew certificates do.
func (f files) replace(path string, content []byte) {
	f.t.Helper()
	require.NoError(f.t, os.WriteFile(path+".new", content, 0o600))
	require.NoError(f.t, os.Rename(path+".new", path))
}

func (f files) write(pair tls.Certificate) {
	f.t.Helper()
	f.replace(f.key, keyPEM(f.t, pair))
	f.replace(f.certificate, certificatePEM(pair.Leaf))
}

func (f files) source() certificate.Source { return certificate.Files(f.certificate, f.key) }

// serve answers each request with the subject of the client's certificate, by
// the server that the product uses.
func serve(t *testing.T, server *certificate.Server) (addr string) {
	t.Helper()
	listener, err := httpserver.Listen("127.0.0.1:0")
	require.NoError(t, err)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, httpserver.ClientCertificate(r))
	})
	served := httpserver.Serve(context.Background(), tls.NewListener(listener, server.Config()), handler)
	t.Cleanup(func() { assert.NoError(t, served.Shutdown(context.Background())) })
	return served.Addr().String()
}

// watch follows the files quickly until the test ends.
func watch(t *testing.T, server *certificate.Server) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Watch(ctx, 2*time.Millisecond) }()
	t.Cleanup(func() {
		stop()
		assert.NoError(t, <-done)
	})
}

// get asks over a new connection, as a client with this configuration does.
func get(t *testing.T, addr string, config *tls.Config) (*http.Response, string, error) {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+addr, nil)
	require.NoError(t, err)
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}
