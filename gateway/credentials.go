package main

import (
	"cmp"
	"context"
	"net/url"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"orderflow/gateway/internal/auth"
	"orderflow/internal/apikey"
	"orderflow/internal/config"
	"orderflow/internal/jose"
	"orderflow/internal/token"
)

// credentialSettings say whose tokens and API keys are accepted. Tokens come
// from one issuer: an OpenID provider, one whose keys are given, or, without
// either, this system itself, which is the development mode.
type credentialSettings struct {
	KeysDir string `default:"./.orderflow/keys" type:"path" help:"Folder of the development signing key and its key set (jwks.json), and of the API keys."`

	OIDCIssuer    string        `name:"oidc-issuer" type:"httpurl" placeholder:"URL" help:"OpenID Connect issuer whose tokens are accepted; its keys are found by discovery."`
	JWKS          string        `name:"jwks" placeholder:"FILE|URL" help:"Public keys (JWK set) that tokens of --token-issuer are signed with: a file, or an http or https URL."`
	JWKSRefresh   time.Duration `name:"jwks-refresh" default:"15m" min:"10s" max:"24h" help:"How often keys are asked for at a URL that does not say how long they are fresh."`
	TokenIssuer   string        `default:"orderflow-development" help:"Issuer that tokens must come from, unless --oidc-issuer says it."`
	TokenAudience string        `default:"orderflow" help:"Audience that tokens must be for."`

	APIKeys string `name:"api-keys" type:"path" placeholder:"FILE" help:"The API keys; starter api-key makes them. By default api-keys.json in --keys-dir."`
}

// checkCredentials refuses settings of which one would silently do nothing.
func (s credentialSettings) checkCredentials() error {
	switch {
	case s.OIDCIssuer != "" && s.JWKS != "":
		return config.Wrong("jwks", "the keys come either from here or by --oidc-issuer")
	case s.OIDCIssuer != "" && s.TokenIssuer != token.DevelopmentIssuer:
		return config.Wrong("token-issuer", "the issuer is the one of --oidc-issuer")
	case s.TokenIssuer == "":
		return config.Wrong("token-issuer", "it is empty")
	case s.TokenAudience == "":
		return config.Wrong("token-audience", "it is empty")
	}
	return nil
}

// ownIssuer reports whether tokens are signed with the development key.
func (s credentialSettings) ownIssuer() bool { return s.OIDCIssuer == "" && s.JWKS == "" }

func (s credentialSettings) expected() jose.Expected {
	return jose.Expected{Issuer: cmp.Or(s.OIDCIssuer, s.TokenIssuer), Audience: s.TokenAudience}
}

func (s credentialSettings) apiKeys() string {
	return cmp.Or(s.APIKeys, filepath.Join(s.KeysDir, apikey.File))
}

// remote reports whether the keys are asked for over the network.
func (s credentialSettings) remote() bool { return s.OIDCIssuer != "" || isURL(s.JWKS) }

func isURL(text string) bool { return overHTTP(text) || hasScheme(text, "https") }

// overHTTP reports whether what is at the address comes over plain HTTP.
func overHTTP(text string) bool { return hasScheme(text, "http") }

func hasScheme(text, scheme string) bool {
	parsed, err := url.Parse(text) // it knows that schemes may be in capitals
	return err == nil && parsed.Scheme == scheme
}

func (s credentialSettings) source() jose.Source {
	switch {
	case s.OIDCIssuer != "":
		return jose.Discovery(s.OIDCIssuer, jose.NewHTTPClient())
	case isURL(s.JWKS):
		return jose.URL(s.JWKS, jose.NewHTTPClient())
	default:
		return jose.File(cmp.Or(s.JWKS, filepath.Join(s.KeysDir, token.KeySetFile)))
	}
}

// apiKeysInterval is how often the file of the API keys is looked at, and so
// how long a revoked one may still work.
const apiKeysInterval = time.Second

// credentials check what clients send, and follow where that is decided.
type credentials struct {
	auth.Credentials
	keys    *jose.Set
	apiKeys *apikey.Store
	// remote says that the issuer may be away at the start.
	remote bool
}

// openCredentials makes the development key at the first start, where it is
// used, and says so. Files must be usable; an issuer may come later.
func openCredentials(s credentialSettings, log *zap.Logger) (*credentials, error) {
	if s.ownIssuer() {
		_, created, err := token.OpenKeys(s.KeysDir)
		if err != nil {
			return nil, err
		}
		if created {
			log.Warn("made a development signing key: whoever can read it can sign any token", zap.String("folder", s.KeysDir))
		}
	}
	opened := &credentials{keys: jose.NewSet(s.source(), s.refresh(), log), remote: s.remote()}
	if !opened.remote {
		if err := opened.keys.Refresh(context.Background()); err != nil {
			return nil, config.Wrong("jwks", "%v", err)
		}
	}
	var err error
	if opened.apiKeys, err = apikey.Open(s.apiKeys(), nil, log); err != nil {
		return nil, config.Wrong("api-keys", "%v", err)
	}
	opened.Credentials = auth.Credentials{
		Tokens: token.NewVerifier(opened.keys, s.expected(), nil),
		Keys:   opened.apiKeys,
	}
	return opened, nil
}

// refresh is of use for a URL only: a file is looked at more often.
func (s credentialSettings) refresh() time.Duration {
	if s.remote() {
		return s.JWKSRefresh
	}
	return 0
}

// follow are the works that keep the credentials up to date.
func (c *credentials) follow() []func(context.Context) error {
	return []func(context.Context) error{
		func(ctx context.Context) error {
			if c.remote {
				// A failure is logged, and asked again after.
				_ = c.keys.Refresh(ctx)
			}
			return c.keys.Keep(ctx)
		},
		func(ctx context.Context) error { return c.apiKeys.Watch(ctx, apiKeysInterval) },
	}
}
