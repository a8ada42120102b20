package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/crypto/acme"
)

// Clients say which certificates clients must show. The zero value asks for
// none.
type Clients struct {
	// CAFile has the certificates (PEM) of those who vouch for clients.
	CAFile string
	// Optional lets clients without a certificate in, but none with a wrong one.
	Optional bool
}

// Server is a TLS configuration that changes with its files. It is safe for
// concurrent use.
type Server struct {
	source  Source
	clients Clients
	log     *zap.Logger

	current atomic.Pointer[tls.Config]
	// seen and loaded are the files as they were at the last look, and when they
	// were last read. Only Watch uses them.
	seen, loaded []os.FileInfo
}

// Open reads everything and returns the server. An error is a file that cannot
// be used, ErrClientCAs when it is that one.
func Open(source Source, clients Clients, log *zap.Logger) (*Server, error) {
	s := &Server{source: source, clients: clients, log: log}
	s.loaded = s.look()
	s.seen = s.loaded
	config, err := s.load()
	if err != nil {
		return nil, err
	}
	s.current.Store(config)
	return s, nil
}

// Config is the configuration for the listener. Each handshake has the files as
// they were read last; connections that stand are not touched.
func (s *Server) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			config := s.current.Load()
			if isChallenge(hello) {
				// The certificate authority looks whether the name is ours, and
				// has no certificate of our partners.
				config = config.Clone()
				config.ClientAuth = tls.NoClientCert
			}
			return config, nil
		},
	}
}

// isChallenge reports whether the connection only proves that the name is ours
// (RFC 8737); it carries no request.
func isChallenge(hello *tls.ClientHelloInfo) bool {
	return slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto})
}

// suites are those of TLS 1.2 that have forward secrecy and authenticated
// encryption (RFC 9325, section 4.2). Without this list Go also offers CBC
// suites, for clients that are older than those that can use this API. TLS 1.3
// has no others, and is taken by every client that knows it.
func suites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

func (s *Server) load() (*tls.Config, error) {
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		CipherSuites: suites(),
		NextProtos:   []string{"h2", "http/1.1"},
	}
	if err := s.source.apply(config); err != nil {
		return nil, err
	}
	if s.clients.CAFile == "" {
		return config, nil
	}
	authorities, err := readAuthorities(s.clients.CAFile)
	if err != nil {
		return nil, err
	}
	config.ClientCAs = authorities
	config.ClientAuth = tls.RequireAndVerifyClientCert
	if s.clients.Optional {
		config.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return config, nil
}

// ErrClientCAs says that it is the file of the client CAs that cannot be used.
var ErrClientCAs = errors.New("the client CAs cannot be used")

func readAuthorities(file string) (*x509.CertPool, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrClientCAs, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("%w: %s has no certificate (PEM)", ErrClientCAs, file)
	}
	return pool, nil
}

// Watch follows the files until ctx ends, by looking at them at every interval:
// files that are replaced by links, as Kubernetes does, and file systems of
// other machines tell nobody of a change. A change counts when the files have
// stood still from one look to the next, so that no half of a pair is read.
//
// Files that cannot be used leave the old ones in force, and that is logged
// once. The error is always nil.
func (s *Server) Watch(ctx context.Context, interval time.Duration) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			s.follow()
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *Server) follow() {
	before := s.seen
	s.seen = s.look()
	if !slices.EqualFunc(before, s.seen, sameFile) || slices.EqualFunc(s.loaded, s.seen, sameFile) {
		return
	}
	s.loaded = s.seen
	config, err := s.load()
	if err != nil {
		s.log.Warn("the new certificate files cannot be used: the old ones stay in force", zap.Error(err))
		return
	}
	s.current.Store(config)
	s.log.Info("took over new certificate files", expiry(config)...)
}

// look returns how the files are now; nil for one that is not there.
func (s *Server) look() []os.FileInfo {
	files := slices.Clone(s.source.files)
	if s.clients.CAFile != "" {
		files = append(files, s.clients.CAFile)
	}
	infos := make([]os.FileInfo, len(files))
	for i, file := range files {
		if info, err := os.Stat(file); err == nil {
			infos[i] = info
		}
	}
	return infos
}

func sameFile(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// expiry says until when the certificate is good.
func expiry(config *tls.Config) []zap.Field {
	if len(config.Certificates) == 0 || config.Certificates[0].Leaf == nil {
		return nil
	}
	return []zap.Field{zap.Time("notAfter", config.Certificates[0].Leaf.NotAfter)}
}
