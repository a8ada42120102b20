package certificate

import (
	"crypto/tls"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// Authority is the certificate authority that ACME asks (RFC 8555).
type Authority struct {
	// Domains are the names that a certificate is asked for. A client that asks
	// for another one gets none.
	Domains []string
	// CacheDir is the folder for certificates and the account's key. It must be
	// kept: authorities limit how many certificates they give a week. Gateways
	// that serve the same names share it.
	CacheDir string
	// DirectoryURL is where the authority is; "" is Let's Encrypt.
	DirectoryURL string
	// Email is told of problems; it may be empty.
	Email string
}

// ACME gets the certificate from an authority at the first handshake for each
// name, and renews it 30 days before it ends. Using it accepts the authority's
// terms. The authority proves that the name is ours by the TLS port itself (RFC
// 8737), which must be reachable as port 443 under that name.
func ACME(authority Authority) Source {
	manager := &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(authority.CacheDir),
		HostPolicy: autocert.HostWhitelist(authority.Domains...),
		Email:      authority.Email,
		Client:     &acme.Client{DirectoryURL: authority.DirectoryURL, UserAgent: "orderflow"},
	}
	return Source{apply: func(config *tls.Config) error {
		config.GetCertificate = manager.GetCertificate
		config.NextProtos = append(config.NextProtos, acme.ALPNProto)
		return nil
	}}
}
