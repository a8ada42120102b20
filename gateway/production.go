package main

import (
	"orderflow/internal/config"
	"orderflow/internal/token"
)

// checkProduction refuses what would let strangers in, or listen: the
// development key, which lies on a disk and signs everything; plain HTTP to
// clients; keys and certificates that come over it; plain text to other machines.
// The signing key of calls to services is missed where it is opened.
func (s *settings) checkProduction() error {
	switch {
	case s.ownIssuer():
		return config.Wrong("oidc-issuer", "production mode takes no tokens of the development key: set this or --jwks")
	case s.OIDCIssuer == "" && s.TokenIssuer == token.DevelopmentIssuer:
		return config.Wrong("token-issuer", "production mode takes no tokens of the development issuer: name the one of --jwks")
	case overHTTP(s.OIDCIssuer):
		return config.Wrong("oidc-issuer", "production mode asks for keys over https only")
	case overHTTP(s.JWKS):
		return config.Wrong("jwks", "production mode asks for keys over https only")
	case overHTTP(s.TLS.ACMEDirectory):
		return config.Wrong("tls-acme-directory", "production mode asks for certificates over https only")
	case s.TLS.Dev:
		return config.Wrong("tls-dev", "production mode needs a certificate that clients trust")
	case !s.TLS.on() && !s.TLS.InFront:
		return config.Wrong("tls-cert", "production mode serves HTTPS: set a certificate, or --tls-in-front where TLS is terminated in front of the gateway")
	}
	if err := s.CheckLookup(s.Lookup); err != nil {
		return err
	}
	return s.CheckPlainText(s.Temporal.Addr, s.Temporal.TLS, "temporal-tls")
}
