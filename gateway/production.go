package main

import (
	"strings"

	"orderflow/internal/config"
	"orderflow/internal/token"
)

// checkProduction refuses what would let strangers in, or listen: the
// development key, which lies on a disk and signs everything, plain HTTP, keys
// that come over it, and plain text to Consul and Temporal elsewhere. The signing key of calls to services is missed where
// it is opened.
func (s *settings) checkProduction() error {
	switch {
	case s.ownIssuer():
		return config.Wrong("oidc-issuer", "production mode takes no tokens of the development key: set this or --jwks")
	case s.OIDCIssuer == "" && s.TokenIssuer == token.DevelopmentIssuer:
		return config.Wrong("token-issuer", "production mode takes no tokens of the development issuer: name the one of --jwks")
	case strings.HasPrefix(s.OIDCIssuer, "http://"):
		return config.Wrong("oidc-issuer", "production mode asks for keys over https only")
	case strings.HasPrefix(s.JWKS, "http://"):
		return config.Wrong("jwks", "production mode asks for keys over https only")
	case s.TLS.Dev:
		return config.Wrong("tls-dev", "production mode needs a certificate that clients trust")
	case !s.TLS.on() && !s.TLS.InFront:
		return config.Wrong("tls-cert", "production mode serves HTTPS: set a certificate, or --tls-in-front where TLS is terminated in front of the gateway")
	}
	if s.Lookup.InConsul() {
		if err := s.CheckConsul(); err != nil {
			return err
		}
	}
	return s.CheckPlainText(s.Temporal.Addr, s.Temporal.TLS, "temporal-tls")
}
