package temporalclient_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"orderflow/internal/config"
	"orderflow/internal/payloadcodec"
	"orderflow/internal/telemetry"
	"orderflow/internal/temporalclient"
)

// securedServer is as much of Temporal as a connection needs, over TLS with
// certificates on both sides.
type securedServer struct {
	workflowservice.UnimplementedWorkflowServiceServer
	addr string
	// Of the last caller.
	subject, authorization string
}

func (s *securedServer) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{}}, nil
}

func (s *securedServer) DescribeNamespace(ctx context.Context, _ *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	caller, _ := peer.FromContext(ctx)
	if secured, ok := caller.AuthInfo.(credentials.TLSInfo); ok {
		s.subject = secured.State.PeerCertificates[0].Subject.CommonName
	}
	if sent := metadata.ValueFromIncomingContext(ctx, "authorization"); len(sent) > 0 {
		s.authorization = sent[0]
	}
	return &workflowservice.DescribeNamespaceResponse{}, nil
}

// serveSecured serves with the first certificate, to those whose certificate the
// authority has signed.
func serveSecured(t *testing.T, own tls.Certificate, authority *x509.Certificate) *securedServer {
	t.Helper()
	clients := x509.NewCertPool()
	clients.AddCert(authority)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &securedServer{addr: listener.Addr().String()}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients,
	})))
	workflowservice.RegisterWorkflowServiceServer(server, s)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		assert.NoError(t, <-served)
	})
	return s
}

// identity makes a certificate that its own key has signed, for server and
// client, and writes it as files.
func identity(t *testing.T, name string) (certificate *x509.Certificate, pair tls.Certificate, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	certificate, err = x509.ParseCertificate(der)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	certificatePEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certFile, certificatePEM, 0o600))
	require.NoError(t, os.WriteFile(keyFile, keyPEM, 0o600))
	pair, err = tls.X509KeyPair(certificatePEM, keyPEM)
	require.NoError(t, err)
	return certificate, pair, certFile, keyFile
}

func TestTemporalIsReachedByTLS(t *testing.T) {
	_, server, serverFile, _ := identity(t, "temporal.shop.example")
	client, _, certFile, keyFile := identity(t, "workers")
	_, _, strangeCert, strangeKey := identity(t, "stranger")
	served := serveSecured(t, server, client)
	complete := config.Temporal{
		Addr: served.addr, Namespace: "default", DialTimeout: 10 * time.Second,
		TLS: true, CA: serverFile, Cert: certFile, Key: keyFile, ServerName: "temporal.shop.example", APIKey: "sesame",
	}
	dial := func(change func(*config.Temporal)) error {
		settings := complete
		change(&settings)
		cfg, err := temporalclient.Configured(settings, payloadcodec.Codec{})
		require.NoError(t, err)
		connected, err := temporalclient.Dial(t.Context(), cfg, telemetry.Discard())
		if err == nil {
			connected.Close()
		}
		return err
	}
	require.NoError(t, dial(func(*config.Temporal) {}))
	assert.Equal(t, "workers", served.subject)
	assert.Equal(t, "Bearer sesame", served.authorization)

	for name, change := range map[string]func(*config.Temporal){
		"another name":               func(s *config.Temporal) { s.ServerName = "elsewhere.example" },
		"an authority nobody knows":  func(s *config.Temporal) { s.CA = "" },
		"no certificate of our own":  func(s *config.Temporal) { s.Cert, s.Key = "", "" },
		"a certificate of strangers": func(s *config.Temporal) { s.Cert, s.Key = strangeCert, strangeKey },
		"plain text":                 func(s *config.Temporal) { *s = config.Temporal{Addr: s.Addr, Namespace: s.Namespace} },
	} {
		t.Run(name, func(t *testing.T) {
			err := dial(func(s *config.Temporal) { change(s); s.DialTimeout = 300 * time.Millisecond })
			require.ErrorContains(t, err, "no Temporal server at "+served.addr)
			assert.NotContains(t, err.Error(), "sesame")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestFilesForTemporalThatCannotBeUsedNameTheirSetting(t *testing.T) {
	_, _, certFile, keyFile := identity(t, "workers")
	for want, settings := range map[string]config.Temporal{
		"(ORDERFLOW_TEMPORAL_CA): open missing.pem":   {TLS: true, CA: "missing.pem"},
		"(ORDERFLOW_TEMPORAL_CA): the file has no":    {TLS: true, CA: keyFile},
		"(ORDERFLOW_TEMPORAL_CERT): open missing.pem": {TLS: true, Cert: "missing.pem", Key: keyFile},
		"(ORDERFLOW_TEMPORAL_CERT): tls: ":            {TLS: true, Cert: keyFile, Key: certFile},
	} {
		_, err := temporalclient.Configured(settings, payloadcodec.Codec{})
		require.ErrorContains(t, err, want)
	}
}

func TestAnAPIKeyIsNeverSentInTheClear(t *testing.T) {
	_, err := temporalclient.DialLazy(temporalclient.Config{Addr: "127.0.0.1:1", Namespace: "default", APIKey: "sesame"}, telemetry.Discard())
	require.ErrorContains(t, err, "in the clear")
}
