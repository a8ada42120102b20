package certificate_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"orderflow/gateway/internal/certificate"
)

// acmeServer is an authority that speaks as much of RFC 8555 as one certificate
// needs. It believes its client's signatures, but not that the name is the
// client's: it connects to the address and looks (RFC 8737).
type acmeServer struct {
	*authority
	http *httptest.Server
	// proved is how it connects to a domain.
	dial func(domain string) (*tls.Conn, error)

	mu     sync.Mutex
	domain string
	proved bool
	issued []byte // PEM, once finalized
	orders int
}

func newACMEServer(t *testing.T) *acmeServer {
	t.Helper()
	s := &acmeServer{authority: newAuthority(t, "ACME CA")}
	mux := http.NewServeMux()
	s.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Replay-Nonce", base64.RawURLEncoding.EncodeToString([]byte(time.Now().String())))
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.http.Close)
	mux.HandleFunc("/directory", func(w http.ResponseWriter, _ *http.Request) {
		s.answer(w, http.StatusOK, map[string]any{
			"newNonce": s.url("/nonce"), "newAccount": s.url("/account"), "newOrder": s.url("/order"),
		})
	})
	mux.HandleFunc("/nonce", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/account", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", s.url("/account/1"))
		s.answer(w, http.StatusCreated, map[string]any{"status": "valid"})
	})
	mux.HandleFunc("/order", func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Identifiers []struct{ Value string } }
		s.read(r, &asked)
		s.mu.Lock()
		s.domain, s.proved, s.issued = asked.Identifiers[0].Value, false, nil
		s.orders++
		s.mu.Unlock()
		w.Header().Set("Location", s.url("/order/1"))
		s.answer(w, http.StatusCreated, s.order())
	})
	mux.HandleFunc("/order/1", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", s.url("/order/1"))
		s.answer(w, http.StatusOK, s.order())
	})
	mux.HandleFunc("/authorization", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		domain, status := s.domain, map[bool]string{true: "valid", false: "pending"}[s.proved]
		s.mu.Unlock()
		s.answer(w, http.StatusOK, map[string]any{
			"status": status, "identifier": map[string]string{"type": "dns", "value": domain},
			"challenges": []any{map[string]string{"type": "tls-alpn-01", "url": s.url("/challenge"), "token": "token", "status": status}},
		})
	})
	mux.HandleFunc("/challenge", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if err := s.validate(s.domain); err != nil {
			s.answer(w, http.StatusForbidden, map[string]any{"type": "urn:ietf:params:acme:error:unauthorized", "detail": err.Error()})
			return
		}
		s.proved = true
		s.answer(w, http.StatusOK, map[string]any{"type": "tls-alpn-01", "url": s.url("/challenge"), "token": "token", "status": "valid"})
	})
	mux.HandleFunc("/finalize", func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ CSR string }
		s.read(r, &asked)
		s.finalize(asked.CSR)
		w.Header().Set("Location", s.url("/order/1"))
		s.answer(w, http.StatusOK, s.order())
	})
	mux.HandleFunc("/certificate", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = w.Write(s.issued)
	})
	return s
}

func (s *acmeServer) url(path string) string { return s.http.URL + path }

func (s *acmeServer) answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	assert.NoError(s.t, json.NewEncoder(w).Encode(body))
}

// read decodes the payload of a signed request.
func (s *acmeServer) read(r *http.Request, into any) {
	var signed struct{ Payload string }
	assert.NoError(s.t, json.NewDecoder(r.Body).Decode(&signed))
	payload, err := base64.RawURLEncoding.DecodeString(signed.Payload)
	assert.NoError(s.t, err)
	assert.NoError(s.t, json.Unmarshal(payload, into))
}

func (s *acmeServer) order() map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	order := map[string]any{
		"status": "pending", "identifiers": []any{map[string]string{"type": "dns", "value": s.domain}},
		"authorizations": []string{s.url("/authorization")}, "finalize": s.url("/finalize"),
	}
	switch {
	case s.issued != nil:
		order["status"], order["certificate"] = "valid", s.url("/certificate")
	case s.proved:
		order["status"] = "ready"
	}
	return order
}

// validate looks whether the domain's server knows of the order.
func (s *acmeServer) validate(domain string) error {
	connection, err := s.dial(domain)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	shown := connection.ConnectionState().PeerCertificates[0]
	proof := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}
	for _, extension := range shown.Extensions {
		if extension.Id.Equal(proof) && extension.Critical && shown.VerifyHostname(domain) == nil {
			return nil
		}
	}
	return errors.New("the server shows no proof")
}

func (s *acmeServer) finalize(encoded string) {
	der, err := base64.RawURLEncoding.DecodeString(encoded)
	assert.NoError(s.t, err)
	asked, err := x509.ParseCertificateRequest(der)
	assert.NoError(s.t, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	template := &x509.Certificate{
		SerialNumber: serial(s.t), DNSNames: asked.DNSNames, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	leaf, err := x509.CreateCertificate(nil, template, s.certificate, asked.PublicKey, s.key)
	assert.NoError(s.t, err)
	parsed, err := x509.ParseCertificate(leaf)
	assert.NoError(s.t, err)
	s.issued = certificatePEM(parsed)
}

// A client that asks for the gateway's name is shown a certificate that the
// authority gave a moment ago, although the gateway demands certificates of its
// clients, which the authority has not.
func TestACertificateIsGotByACMEAndKept(t *testing.T) {
	authority, partners := newACMEServer(t), newAuthority(t, "Partners")
	kept := newFiles(t)
	kept.replace(kept.ca, certificatePEM(partners.certificate))
	partner := partners.issue(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} })
	cache := filepath.Join(t.TempDir(), "acme")
	open := func() string {
		server, err := certificate.Open(certificate.ACME(certificate.Authority{
			Domains: []string{"api.shop.example"}, CacheDir: cache, DirectoryURL: authority.url("/directory"),
		}), certificate.Clients{CAFile: kept.ca}, zap.NewNop())
		require.NoError(t, err)
		return serve(t, server)
	}
	ask := func(addr, name string) error {
		_, _, err := get(t, addr, &tls.Config{RootCAs: authority.roots(), ServerName: name, Certificates: []tls.Certificate{partner}})
		return err
	}
	addr := open()
	authority.dial = func(domain string) (*tls.Conn, error) {
		// In TLS 1.2 the handshake itself ends when a client's certificate is
		// missing.
		//nolint:gosec // what is shown is a proof, and signed by nobody
		dialer := tls.Dialer{Config: &tls.Config{
			ServerName: domain, NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12,
		}}
		connection, err := dialer.DialContext(context.Background(), "tcp", addr)
		if err != nil {
			return nil, err
		}
		return connection.(*tls.Conn), nil
	}
	require.Error(t, ask(addr, "other.shop.example"))
	require.Error(t, ask(addr, ""))
	assert.Zero(t, authority.orders, "nothing is asked for names that are not ours")

	require.NoError(t, ask(addr, "api.shop.example"))
	require.NoError(t, ask(addr, "api.shop.example"))
	require.NoError(t, ask(open(), "api.shop.example"), "another process with the same folder")
	assert.Equal(t, 1, authority.orders)
	entries, err := os.ReadDir(cache)
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	assert.Contains(t, strings.Join(names, " "), "api.shop.example")
	assert.Contains(t, strings.Join(names, " "), "acme_account")

	_, _, err = get(t, addr, &tls.Config{RootCAs: authority.roots(), ServerName: "api.shop.example"})
	require.Error(t, err, "a client without a certificate")
	_, _, err = get(t, addr, &tls.Config{RootCAs: authority.roots(), ServerName: "api.shop.example", NextProtos: []string{"acme-tls/1"}})
	require.Error(t, err, "a client that says it is the authority gets no answer")
}
