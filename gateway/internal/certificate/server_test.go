package certificate_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"orderflow/gateway/internal/certificate"
)

func TestOldVersionsAndSuitesAreRefused(t *testing.T) {
	ca, kept := newAuthority(t, "CA"), newFiles(t)
	kept.write(ca.issue(nil))
	server, err := certificate.Open(kept.source(), certificate.Clients{}, zap.NewNop())
	require.NoError(t, err)
	addr := serve(t, server)

	for name, test := range map[string]struct {
		client  *tls.Config
		version uint16 // 0: refused
	}{
		"by default":            {&tls.Config{}, tls.VersionTLS13},
		"TLS 1.2":               {&tls.Config{MaxVersion: tls.VersionTLS12}, tls.VersionTLS12},
		"TLS 1.1":               {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, 0},
		"TLS 1.0":               {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, 0},
		"no forward secrecy":    {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, 0},
		"no authenticated code": {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			test.client.RootCAs = ca.roots()
			if test.version == 0 {
				// Without a request: HTTP/2 has an opinion on suites, too.
				_, err := tls.Dial("tcp", addr, test.client)
				require.ErrorContains(t, err, "remote error: tls:")
				return
			}
			response, _, err := get(t, addr, test.client)
			require.NoError(t, err)
			assert.Equal(t, test.version, response.TLS.Version)
			assert.Equal(t, 2, response.ProtoMajor, "HTTP/2 is negotiated")
		})
	}
}

func TestAClientWithoutHTTP2IsServed(t *testing.T) {
	ca, kept := newAuthority(t, "CA"), newFiles(t)
	kept.write(ca.issue(nil))
	server, err := certificate.Open(kept.source(), certificate.Clients{}, zap.NewNop())
	require.NoError(t, err)
	connection, err := tls.Dial("tcp", serve(t, server), &tls.Config{RootCAs: ca.roots(), NextProtos: []string{"http/1.1"}})
	require.NoError(t, err)
	assert.Equal(t, "http/1.1", connection.ConnectionState().NegotiatedProtocol)
	require.NoError(t, connection.Close())
}

// Certificates are replaced while clients connect without a pause: no request
// fails, and at the end the newest one is shown.
func TestNewFilesAreTakenOverUnderLoad(t *testing.T) {
	ca, kept := newAuthority(t, "CA"), newFiles(t)
	kept.write(ca.issue(nil))
	core, logs := observer.New(zapcore.InfoLevel)
	server, err := certificate.Open(kept.source(), certificate.Clients{}, zap.New(core))
	require.NoError(t, err)
	addr := serve(t, server)
	watch(t, server)

	var clients sync.WaitGroup
	var shown atomic.Pointer[big.Int]
	var failed, answered atomic.Int64
	stop := make(chan struct{})
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				response, _, err := get(t, addr, &tls.Config{RootCAs: ca.roots()})
				if err != nil {
					failed.Add(1)
					t.Log(err)
					return
				}
				answered.Add(1)
				shown.Store(response.TLS.PeerCertificates[0].SerialNumber)
			}
		})
	}
	for range 5 {
		renewed := ca.issue(nil)
		kept.write(renewed)
		assert.Eventually(t, func() bool {
			last := shown.Load()
			return last != nil && last.Cmp(renewed.Leaf.SerialNumber) == 0
		}, 10*time.Second, time.Millisecond)
	}
	close(stop)
	clients.Wait()
	assert.Zero(t, failed.Load())
	assert.Positive(t, answered.Load())
	assert.NotZero(t, logs.FilterMessageSnippet("took over").Len())
}

func TestBrokenFilesLeaveTheOldOnesInForceAndAreSaidOnce(t *testing.T) {
	ca, kept := newAuthority(t, "CA"), newFiles(t)
	first, second := ca.issue(nil), ca.issue(nil)
	expired := ca.issue(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	// Key and certificate are one file here, so that each change is one.
	write := func(key, shown tls.Certificate) {
		kept.replace(kept.certificate, append(keyPEM(t, key), certificatePEM(shown.Leaf)...))
	}
	write(first, first)
	core, logs := observer.New(zapcore.WarnLevel)
	server, err := certificate.Open(certificate.Files(kept.certificate, kept.certificate), certificate.Clients{}, zap.New(core))
	require.NoError(t, err)
	addr := serve(t, server)
	watch(t, server)
	client := &tls.Config{RootCAs: ca.roots()}
	shown := func() *big.Int {
		response, _, err := get(t, addr, client)
		require.NoError(t, err)
		return response.TLS.PeerCertificates[0].SerialNumber
	}

	for i, breakIt := range []func(){
		func() { kept.replace(kept.certificate, []byte("no certificate")) },
		func() { write(first, second) },
		func() { require.NoError(t, os.Remove(kept.certificate)) },
		func() { write(expired, expired) },
	} {
		breakIt()
		require.Eventually(t, func() bool { return logs.Len() == i+1 }, 10*time.Second, time.Millisecond)
		assert.Equal(t, first.Leaf.SerialNumber, shown())
		assert.Never(t, func() bool { return logs.Len() > i+1 }, 20*time.Millisecond, 5*time.Millisecond, "many looks later")
	}
	write(second, second)
	require.Eventually(t, func() bool { return shown().Cmp(second.Leaf.SerialNumber) == 0 }, 10*time.Second, time.Millisecond)
	assert.Equal(t, 4, logs.Len(), "each broken state is said once")
	for _, entry := range logs.All() {
		assert.Contains(t, entry.Message, "the old ones stay in force")
	}
}

func TestClientsCertificates(t *testing.T) {
	ca, partners, strangers := newAuthority(t, "CA"), newAuthority(t, "Partners"), newAuthority(t, "Strangers")
	kept := newFiles(t)
	kept.write(ca.issue(nil))
	kept.replace(kept.ca, certificatePEM(partners.certificate))
	partner := func(change func(*x509.Certificate)) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			c.Subject = pkix.Name{CommonName: "warehouse-7", Organization: []string{"Partner"}}
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
			if change != nil {
				change(c)
			}
		}
	}
	past := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	forServers := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }
	const subject = "CN=warehouse-7,O=Partner"

	for name, test := range map[string]struct {
		shown              []tls.Certificate
		required, optional bool // whether the client is let in
		subject            string
	}{
		"none":          {nil, false, true, ""},
		"a partner's":   {[]tls.Certificate{partners.issue(partner(nil))}, true, true, subject},
		"a stranger's":  {[]tls.Certificate{strangers.issue(partner(nil))}, false, false, ""},
		"an old one":    {[]tls.Certificate{partners.issue(partner(past))}, false, false, ""},
		"for servers":   {[]tls.Certificate{partners.issue(partner(forServers))}, false, false, ""},
		"of our own CA": {[]tls.Certificate{ca.issue(partner(nil))}, false, false, ""},
	} {
		for mode, clients := range map[string]certificate.Clients{
			"required": {CAFile: kept.ca}, "optional": {CAFile: kept.ca, Optional: true}, "off": {},
		} {
			t.Run(name+", "+mode, func(t *testing.T) {
				server, err := certificate.Open(kept.source(), clients, zap.NewNop())
				require.NoError(t, err)
				_, told, err := get(t, serve(t, server), &tls.Config{
					RootCAs: ca.roots(),
					// The usual client would keep a certificate to itself that the server
					// did not ask for.
					GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
						if len(test.shown) == 0 {
							return &tls.Certificate{}, nil
						}
						return &test.shown[0], nil
					},
				})
				letIn := map[string]bool{"required": test.required, "optional": test.optional, "off": true}[mode]
				if !letIn {
					require.Error(t, err)
					return
				}
				require.NoError(t, err)
				want := test.subject
				if mode == "off" {
					want = ""
				}
				assert.Equal(t, want, told)
			})
		}
	}
}

// The door that is open to authorities is not there where none is asked.
func TestNobodyPassesForAnAuthority(t *testing.T) {
	ca, partners, kept := newAuthority(t, "CA"), newAuthority(t, "Partners"), newFiles(t)
	kept.write(ca.issue(nil))
	kept.replace(kept.ca, certificatePEM(partners.certificate))
	server, err := certificate.Open(kept.source(), certificate.Clients{CAFile: kept.ca}, zap.NewNop())
	require.NoError(t, err)
	_, err = tls.Dial("tcp", serve(t, server), &tls.Config{RootCAs: ca.roots(), NextProtos: []string{"acme-tls/1"}})
	require.ErrorContains(t, err, "no application protocol")
}

func TestNewClientCAsAreTakenOver(t *testing.T) {
	ca, before, after := newAuthority(t, "CA"), newAuthority(t, "Before"), newAuthority(t, "After")
	kept := newFiles(t)
	kept.write(ca.issue(nil))
	kept.replace(kept.ca, certificatePEM(before.certificate))
	server, err := certificate.Open(kept.source(), certificate.Clients{CAFile: kept.ca}, zap.NewNop())
	require.NoError(t, err)
	addr := serve(t, server)
	watch(t, server)
	forClients := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
	ask := func(pair tls.Certificate) error {
		_, _, err := get(t, addr, &tls.Config{RootCAs: ca.roots(), Certificates: []tls.Certificate{pair}})
		return err
	}
	old, renewed := before.issue(forClients), after.issue(forClients)
	require.NoError(t, ask(old))
	require.Error(t, ask(renewed))
	kept.replace(kept.ca, certificatePEM(after.certificate))
	require.Eventually(t, func() bool { return ask(renewed) == nil }, 10*time.Second, time.Millisecond)
	require.Error(t, ask(old))
}

func TestFilesThatCannotBeUsedAreAnErrorAtTheStart(t *testing.T) {
	ca, kept := newAuthority(t, "CA"), newFiles(t)
	_, err := certificate.Open(kept.source(), certificate.Clients{}, zap.NewNop())
	require.ErrorContains(t, err, "cert.pem")
	kept.write(ca.issue(nil))
	for _, content := range []string{"", "no certificate"} {
		if content != "" {
			kept.replace(kept.ca, []byte(content))
		}
		_, err = certificate.Open(kept.source(), certificate.Clients{CAFile: kept.ca}, zap.NewNop())
		require.ErrorIs(t, err, certificate.ErrClientCAs)
		assert.ErrorContains(t, err, "ca.pem")
	}
	kept.write(ca.issue(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }))
	_, err = certificate.Open(kept.source(), certificate.Clients{}, zap.NewNop())
	require.ErrorContains(t, err, "expired")
}
