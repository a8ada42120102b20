package main

import (
	"errors"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"go.uber.org/zap"

	"orderflow/gateway/internal/certificate"
	"orderflow/internal/config"
)

// tlsSettings say how the gateway speaks TLS, if it does. A certificate comes
// from one of files, ACME and --tls-dev.
type tlsSettings struct {
	Cert string `type:"path" placeholder:"FILE" help:"Certificate chain (PEM); with --tls-key, HTTPS is served instead of HTTP. New files are taken over without a restart."`
	Key  string `type:"path" placeholder:"FILE" help:"Private key of the certificate (PEM)."`
	Dev  bool   `help:"Serve HTTPS with a self-signed certificate for this machine, made in --keys-dir."`
	// InFront is for production mode, which otherwise insists on TLS.
	InFront bool `help:"TLS is terminated in front of the gateway, so that production mode may serve plain HTTP."`

	Reload time.Duration `default:"10s" min:"10ms" max:"1h" help:"How often the certificate files are looked at."`

	ClientCA   string `name:"client-ca" type:"path" placeholder:"FILE" help:"Certificates (PEM) of those who vouch for clients: clients must show a certificate of theirs, beside their token."`
	ClientAuth string `default:"require" enum:"require,optional" help:"Whether clients without a certificate are let in, with --tls-client-ca: ${enum}."`

	ACMEDomains   []string `name:"acme-domains" placeholder:"NAME,..." help:"Names of this gateway for which a certificate is got by ACME; this accepts the terms of the authority."`
	ACMECache     string   `name:"acme-cache" default:"./.orderflow/acme" type:"path" help:"Folder of the certificates that were got by ACME."`
	ACMEDirectory string   `name:"acme-directory" type:"httpurl" placeholder:"URL" help:"Directory of the ACME authority; by default Let's Encrypt."`
	ACMEEmail     string   `name:"acme-email" placeholder:"ADDRESS" help:"Where the ACME authority reports problems."`
}

// on reports whether HTTPS is served.
func (s tlsSettings) on() bool { return s.Cert != "" || s.Dev || len(s.ACMEDomains) > 0 }

// trusted reports whether HTTPS is served with a certificate that clients trust
// by themselves.
func (s tlsSettings) trusted() bool { return s.on() && !s.Dev }

// domain is a name that an authority can look up: no wildcard, address or port.
var domain = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$`)

// Validate refuses combinations of which one part would silently do nothing.
func (s tlsSettings) Validate() error {
	switch {
	case (s.Cert == "") != (s.Key == ""):
		return config.Wrong("tls-cert", "certificate and --tls-key are only of use together")
	case s.Cert != "" && (s.Dev || len(s.ACMEDomains) > 0):
		return config.Wrong("tls-cert", "the certificate comes either from files or by --tls-dev or --tls-acme-domains")
	case s.Dev && len(s.ACMEDomains) > 0:
		return config.Wrong("tls-dev", "the certificate comes either from --tls-dev or by --tls-acme-domains")
	case s.InFront && s.on():
		return config.Wrong("tls-in-front", "is only of use where HTTPS is not served here")
	case s.ClientCA != "" && !s.on():
		return config.Wrong("tls-client-ca", "clients can show a certificate only where HTTPS is served")
	case s.ClientAuth != "require" && s.ClientCA == "":
		return config.Wrong("tls-client-auth", "is only of use with --tls-client-ca")
	case s.ACMEDirectory != "" && len(s.ACMEDomains) == 0:
		return config.Wrong("tls-acme-directory", "is only of use with --tls-acme-domains")
	case s.ACMEEmail != "" && len(s.ACMEDomains) == 0:
		return config.Wrong("tls-acme-email", "is only of use with --tls-acme-domains")
	}
	for _, name := range s.ACMEDomains {
		if !domain.MatchString(name) {
			return config.Wrong("tls-acme-domains", "%q is no full name such as api.shop.example", name)
		}
	}
	return nil
}

// openTLS reads the certificate; nil where HTTP is served.
func openTLS(cfg *settings, log *zap.Logger) (*certificate.Server, error) {
	s := cfg.TLS
	if !s.on() {
		return nil, nil
	}
	source, err := s.source(cfg.KeysDir, log)
	if err != nil {
		return nil, err
	}
	clients := certificate.Clients{CAFile: s.ClientCA, Optional: s.ClientAuth == "optional"}
	server, err := certificate.Open(source, clients, log)
	switch {
	case errors.Is(err, certificate.ErrClientCAs):
		return nil, config.Wrong("tls-client-ca", "%v", err)
	case err != nil:
		return nil, config.Wrong("tls-cert", "%v", err)
	}
	return server, nil
}

func (s tlsSettings) source(keysDir string, log *zap.Logger) (certificate.Source, error) {
	switch {
	case s.Dev:
		source, created, err := certificate.Development(keysDir, time.Now())
		if err != nil {
			return source, config.Wrong("tls-dev", "%v", err)
		}
		if created {
			log.Warn("made a development certificate, which no client trusts by itself",
				zap.String("trust", filepath.Join(keysDir, certificate.DevelopmentCAFile)))
		}
		return source, nil
	case len(s.ACMEDomains) > 0:
		return certificate.ACME(certificate.Authority{
			Domains: s.ACMEDomains, CacheDir: s.ACMECache, DirectoryURL: s.ACMEDirectory, Email: s.ACMEEmail,
		}), nil
	default:
		return certificate.Files(s.Cert, s.Key), nil
	}
}

// checkOrigins refuses a list of web origins in which one is not written as
// browsers write it, and so would never match.
func checkOrigins(flag string, origins []string) error {
	for _, origin := range origins {
		if !isOrigin(origin) {
			return config.Wrong(flag, "%q is no origin such as https://shop.example", origin)
		}
	}
	return nil
}

// isOrigin reports whether text is as a browser writes an origin: scheme, host
// and, if it is not the scheme's own, port.
func isOrigin(text string) bool {
	parsed, err := url.Parse(text)
	return err == nil && (parsed.Scheme == "http" || parsed.Scheme == "https") && parsed.Host != "" &&
		text == parsed.Scheme+"://"+strings.ToLower(parsed.Host)
}
